// spec.os.name must be what the node's label kubernetes.io/os says.
#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {
namespace {

bool names_one(const Demand& demand) {
  return demand.os != kNoName;
}

bool fits(const Demand& demand, NodeRef node) {
  return node.facts().os == demand.os;
}

void explain(const Demand&, NodeRef, Reasons* out) {
  out->push_back("node(s) had another operating system");
}

}  // namespace

const Filter kOs{.name = "OS",
                 .woken_by = kNodeAdded | kLabels,
                 .concerns = names_one,
                 .fits = fits,
                 .explain = explain};

}  // namespace kubus::scheduler
