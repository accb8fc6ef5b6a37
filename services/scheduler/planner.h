// Where a Pod goes: the best node that no filter objects to, and any one of those that tie. What is
// worked out for one Demand is kept and mended where nodes changed since, so a further Pod that
// wants the same costs what changed and not the number of nodes. Deterministic but for the Random
// that breaks ties.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/ports/ports.h"
#include "services/scheduler/model/demand.h"
#include "services/scheduler/model/snapshot.h"
#include "services/scheduler/view.h"

namespace kubus::scheduler {

// A node for a Pod, at the cost of others.
struct Preemption {
  Row row = 0;
  Victims victims;  // hold until the snapshot changes; may be none, where enough leave anyway
};

class Planner {
 public:
  Planner(const Snapshot& snapshot, const Profile& profile, bus::Random& random);
  ~Planner();
  Planner(const Planner&) = delete;

  // nullopt: nowhere.
  std::optional<Row> place(const DemandPtr& demand);
  // After place() said nowhere and before anything changed.
  Refusal explain(const DemandPtr& demand);
  // kNothing: the Pod fits there. Else the changes that may help it on this node.
  Helps refused_on(const DemandPtr& demand, Row row);
  // The same, without regard to which Pods are where.
  Helps refused_by_node(const Demand& demand, Row row) const;
  // The same as the first, of all nodes.
  Helps refused_everywhere(const DemandPtr& demand);
  // Where Pods of lower priority can make room at the least cost; nullopt: nowhere.
  std::optional<Preemption> preempt(const DemandPtr& demand);
  // After preempt() said nowhere: "0/5 nodes are available: …."
  std::string why_no_preemption(const DemandPtr& demand);
  // The score that a node has for this Demand; nullopt: a filter objects. For tests.
  std::optional<int64_t> score_on(const DemandPtr& demand, Row row);
  // Forgets what was worked out.
  void reset();

 private:
  View& view_of(const DemandPtr& demand);
  View& caught_up(const DemandPtr& demand);
  std::optional<Row> place_by_name(const DemandPtr& demand, NameId name);

  const Snapshot& snapshot_;
  const Profile& profile_;
  bus::Random& random_;
  std::list<std::unique_ptr<View>> views_;  // last used first
  std::unordered_map<const Demand*, std::list<std::unique_ptr<View>>::iterator> by_demand_;
};

}  // namespace kubus::scheduler
