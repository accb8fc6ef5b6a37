// Something that is asked of a container: what probes and lifecycle hooks do. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kubus::core::v1 {
struct Container;
}

namespace kubus::kubelet {

struct Check {
  enum class Kind : uint8_t { kExec, kHttp, kTcp, kGrpc, kSleep };
  Kind kind = Kind::kExec;
  std::vector<std::string> command;
  bool tls = false;
  std::string host;  // "" : the Pod's address
  int port = 0;      // 0: `port_name` names none of the container's ports
  std::string port_name;
  std::string path, service;
  std::vector<std::pair<std::string, std::string>> headers;
  int64_t seconds = 0;      // to sleep
  bool any_status = false;  // whatever an HTTP server answers is good
};

// Seconds, and counts of answers in a row.
struct Probe {
  Check check;
  int64_t initial_delay = 0, timeout = 1, period = 10;
  int success_threshold = 1, failure_threshold = 3;
  std::optional<int64_t> grace;  // of the end that it causes, instead of the Pod's
};

struct Probes {
  std::optional<Probe> startup, liveness, readiness;
  bool any() const { return startup || liveness || readiness; }
};

struct Hooks {
  std::optional<Check> post_start, pre_stop;
};

Probes probes_of(const core::v1::Container& container);
Hooks hooks_of(const core::v1::Container& container);

}  // namespace kubus::kubelet
