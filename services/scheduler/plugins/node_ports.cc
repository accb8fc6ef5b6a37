// A host port is given once for each protocol and address.
#include <algorithm>

#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {
namespace {

bool wants_ports(const Demand& demand) {
  return !demand.load.ports.empty();
}

bool fits(const Demand& demand, NodeRef node) {
  const auto& taken = node.extras().ports;
  return std::none_of(demand.load.ports.begin(), demand.load.ports.end(), [&](const HostPort& p) {
    return std::any_of(taken.begin(), taken.end(),
                       [&](const auto& entry) { return entry.first.conflicts(p); });
  });
}

void explain(const Demand&, NodeRef, Reasons* out) {
  out->push_back("node(s) didn't have free ports for the requested pod ports");
}

}  // namespace

const Filter kNodePorts{.name = "NodePorts",
                        .by_load = true,
                        .woken_by = kNodeAdded | kPortsFreed,
                        .concerns = wants_ports,
                        .fits = fits,
                        .explain = explain};

}  // namespace kubus::scheduler
