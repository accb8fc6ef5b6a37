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
#include "services/scheduler/plugins/profile.h"

namespace kubus::scheduler {

// Why a Pod fits nowhere.
struct Refusal {
  std::string why;            // "0/5 nodes are available: 3 Insufficient cpu, 2 node(s) …."
  Helps woken_by = kNothing;  // the changes that may help
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
  Helps refused_on(const Demand& demand, Row row) const;
  // The score that a node has for this Demand; nullopt: a filter objects. For tests.
  std::optional<int64_t> score_on(const DemandPtr& demand, Row row);
  // Forgets what was worked out.
  void reset();

 private:
  class View;
  View& view_of(const DemandPtr& demand);
  std::optional<Row> place_by_name(const Demand& demand, NameId name);

  const Snapshot& snapshot_;
  const Profile& profile_;
  bus::Random& random_;
  std::list<std::unique_ptr<View>> views_;  // last used first
  std::unordered_map<const Demand*, std::list<std::unique_ptr<View>>::iterator> by_demand_;
};

}  // namespace kubus::scheduler
