// What keeps a Pod from a node. Each filter says why, in the words that `kubectl describe pod`
// shows after the number of nodes: "3 Insufficient cpu". Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "services/scheduler/occupancy.h"

namespace kubus::scheduler {

struct Filter {
  std::string_view name;  // as Kubernetes calls the plugin
  // nullopt: the node suits.
  std::optional<std::string> (*why_not)(const Object& pod, const NodeLoad& node);
};

// In the order asked: the first that objects is told.
std::span<const Filter> filters();

}  // namespace kubus::scheduler
