// Cordoned nodes take no Pods but those that tolerate it; and a Pod may name its node.
#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {
namespace {

constexpr std::string_view kCordoned = "node.kubernetes.io/unschedulable";

bool always(const Demand&) {
  return true;
}

bool tolerates_cordon(const Demand& demand, const Names& names) {
  for (const Toleration& t : demand.tolerations) {
    bool effect = t.effect == Effect::kAny || t.effect == Effect::kNoSchedule;
    bool key = t.key == kNoName ? t.op == Toleration::Op::kExists : names.text(t.key) == kCordoned;
    bool value = t.op == Toleration::Op::kExists || t.value == kNoName;
    if (effect && key && value) return true;
  }
  return false;
}

bool may_come(const Demand& demand, NodeRef node) {
  return !node.facts().unschedulable || tolerates_cordon(demand, node.in.names());
}

void say_cordoned(const Demand&, NodeRef, Reasons* out) {
  out->push_back("node(s) were unschedulable");
}

bool names_a_node(const Demand& demand) {
  return demand.node_name != kNoName;
}

bool is_named(const Demand& demand, NodeRef node) {
  return node.facts().name == demand.node_name;
}

void say_other_name(const Demand&, NodeRef, Reasons* out) {
  out->push_back("node(s) didn't match the requested node name");
}

}  // namespace

const Filter kNodeUnschedulable{.name = "NodeUnschedulable",
                                .woken_by = kNodeAdded | kSchedulable,
                                .concerns = always,
                                .fits = may_come,
                                .explain = say_cordoned};

const Filter kNodeName{.name = "NodeName",
                       .woken_by = kNodeAdded,
                       .concerns = names_a_node,
                       .fits = is_named,
                       .explain = say_other_name};

}  // namespace kubus::scheduler
