// What a plugin is: a filter keeps a Pod from a node and says why, a score says how good a node is.
// All are pure, and named as in Kubernetes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/scheduler/model/demand.h"
#include "services/scheduler/model/snapshot.h"

namespace kubus::scheduler {

// One node of a snapshot.
struct NodeRef {
  const Snapshot& in;
  Row row;
  // What would be taken, instead of what is.
  const Numbers* supposed_numbers = nullptr;
  const Extras* supposed_extras = nullptr;
  const Numbers& numbers() const { return supposed_numbers ? *supposed_numbers : in.numbers(row); }
  const Facts& facts() const { return in.facts(row); }
  const Extras& extras() const { return supposed_extras ? *supposed_extras : in.extras(row); }
  const std::string& text(NameId id) const { return in.names().text(id); }
};

using Reasons = std::vector<std::string>;

struct Filter {
  std::string_view name;
  // Whether it looks at what is on the node; else at what the Node object says, and nothing else.
  bool by_load = false;
  // The changes after which it may let a node pass that it had refused.
  Helps woken_by = kNothing;
  // false: it lets every node pass.
  bool (*concerns)(const Demand&) = nullptr;
  bool (*fits)(const Demand&, NodeRef) = nullptr;
  // Of a node that does not fit, in the words that `kubectl describe pod` shows after the number of
  // nodes: "Insufficient cpu".
  void (*explain)(const Demand&, NodeRef, Reasons*) = nullptr;
};

// A hundred of Kubernetes' points, in hundredths.
inline constexpr int64_t kMostScore = 10'000;

struct Score {
  enum class Kind : uint8_t {
    kPoints,   // 0 … kMostScore
    kHighest,  // any number ≥ 0: the highest of all nodes gets kMostScore, 0 gets 0
    kLowest,   // any number ≥ 0: the highest gets 0, 0 gets kMostScore
  };
  std::string_view name;
  bool by_load = false;  // as in Filter; then kPoints
  Kind kind = Kind::kPoints;
  bool (*concerns)(const Demand&) = nullptr;
  int64_t (*score)(const Demand&, NodeRef) = nullptr;
};

extern const Filter kNodeUnschedulable, kNodeName, kTaintToleration, kNodeAffinity, kOs, kNodePorts,
    kNodeResourcesFit;
extern const Score kTaintTolerationScore, kNodeAffinityScore, kLeastAllocated, kBalancedAllocation,
    kImageLocality;

// Shared by those who look at taints.
bool tolerated(const Demand& demand, const Taint& taint, const Names& names);

}  // namespace kubus::scheduler
