// Where a Pod goes. Pure: the same Pod and nodes give the same answer.
#pragma once

#include <string>

#include "services/scheduler/occupancy.h"

namespace kubus::scheduler {

struct Decision {
  std::string node;  // "" : nowhere
  std::string why;   // then: "0/5 nodes are available: 3 Insufficient cpu, 2 node(s) …."
};

// The least loaded node (by Pods, then by name) to which no filter objects.
Decision plan(const Object& pod, const Nodes& nodes);

}  // namespace kubus::scheduler
