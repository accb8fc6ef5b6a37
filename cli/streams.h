// What the verbs on byte streams share: which Pod is meant, and the way to it.
#pragma once

#include <optional>
#include <string>

#include "bus/stream/ports.h"
#include "cli/session.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::cli {

struct PodName {
  std::string ns, name;
};

// "web", "pod/web", or something that has Pods, as "deployment/web": the newest of its Pods that
// runs. kNotFound; kBadRequest: the kind has no Pods.
Result<PodName> pod_of(Session& session, const std::string& word, const std::string& ns);

// The request for a stream to that Pod. `operation`: "log", "exec", …
wire::RequestT connect_request(const PodName& pod, const std::string& operation,
                               wire::ConnectT connect);
// Its ticket, waited for.
Result<stream::Ticket> ticket_for(Session& session, const PodName& pod,
                                  const std::string& operation, wire::ConnectT connect);

// "90s", "5m", "1h30m", "2d" in nanoseconds; nullopt: it is no length of time.
std::optional<int64_t> parse_length(const std::string& text);

}  // namespace kubus::cli
