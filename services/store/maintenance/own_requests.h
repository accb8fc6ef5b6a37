// Requests that the store makes of itself; they run as any other, under the actor "store".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "services/store/state/view.h"

namespace kubus::store {

struct FirstObjects {
  std::string first_service_ip;  // of Service default/kubernetes
  std::string api_address;       // where that leads; "" or loopback: nowhere
  int api_port = 6443;
};

// Makes what every cluster has and `view` lacks: the namespaces, the system's PriorityClasses, and
// the Service of the API with its endpoint; brings the latter up to date. nullopt: nothing is
// amiss.
std::optional<Payload> first_objects(const View& view, const FirstObjects& options,
                                     const std::string& id);
// Deletes these Events (the kind that is kept for a while only), not as one.
Payload remove_events(const std::vector<View::Name>& names, const std::string& id);

}  // namespace kubus::store
