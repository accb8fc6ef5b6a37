// Room for what the Pod asks for; and how full and how evenly full a node would be with it.
#include <algorithm>
#include <cstdlib>

#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {
namespace {

int64_t of(const Extended& amounts, NameId name) {
  auto at = std::lower_bound(amounts.begin(), amounts.end(), name,
                             [](const auto& entry, NameId n) { return entry.first < n; });
  return at != amounts.end() && at->first == name ? at->second : 0;
}

bool always(const Demand&) {
  return true;
}

bool lacks(const Demand& demand, const Numbers& n, size_t r) {
  int64_t asked = demand.load.amounts[r];
  return asked > 0 && n.used[r] + asked > n.allocatable[r];
}

bool lacks(NodeRef node, NameId name, int64_t asked) {
  return of(node.extras().used, name) + asked > of(node.facts().extended, name);
}

bool fits(const Demand& demand, NodeRef node) {
  const Numbers& n = node.numbers();
  for (size_t r = 0; r < kResources; ++r) {
    if (lacks(demand, n, r)) return false;
  }
  return std::none_of(demand.load.extended.begin(), demand.load.extended.end(),
                      [&](const auto& e) { return lacks(node, e.first, e.second); });
}

void explain(const Demand& demand, NodeRef node, Reasons* out) {
  const Numbers& n = node.numbers();
  if (lacks(demand, n, kPods)) out->push_back("Too many pods");
  if (lacks(demand, n, kCpu)) out->push_back("Insufficient cpu");
  if (lacks(demand, n, kMemory)) out->push_back("Insufficient memory");
  if (lacks(demand, n, kStorage)) out->push_back("Insufficient ephemeral-storage");
  for (auto [name, asked] : demand.load.extended) {
    if (lacks(node, name, asked)) out->push_back("Insufficient " + node.text(name));
  }
}

// What would be left, in parts of kMostScore.
int64_t free_part(int64_t room, int64_t used) {
  if (room <= 0 || used >= room) return 0;
  return (room - used) * kMostScore / room;
}

int64_t least_allocated(const Demand& demand, NodeRef node) {
  const Numbers& n = node.numbers();
  int64_t cpu = free_part(n.allocatable[kCpu], n.scored_cpu + demand.load.scored_cpu);
  int64_t memory = free_part(n.allocatable[kMemory], n.scored_memory + demand.load.scored_memory);
  return (cpu + memory) / 2;
}

bool asks_for_something(const Demand& demand) {
  return demand.load.amounts[kCpu] > 0 || demand.load.amounts[kMemory] > 0;
}

// Two parts differ from their mean by half of their difference each.
int64_t balanced_allocation(const Demand& demand, NodeRef node) {
  const Numbers& n = node.numbers();
  auto left = [&](Resource r) {
    return free_part(n.allocatable[r], n.used[r] + demand.load.amounts[r]);
  };
  return kMostScore - std::abs(left(kCpu) - left(kMemory)) / 2;
}

}  // namespace

const Filter kNodeResourcesFit{.name = "NodeResourcesFit",
                               .by_load = true,
                               .woken_by = kNodeAdded | kRoom | kFreed,
                               .concerns = always,
                               .fits = fits,
                               .explain = explain};

const Score kLeastAllocated{
    .name = "NodeResourcesFit", .by_load = true, .concerns = always, .score = least_allocated};

const Score kBalancedAllocation{.name = "NodeResourcesBalancedAllocation",
                                .by_load = true,
                                .concerns = asks_for_something,
                                .score = balanced_allocation};

}  // namespace kubus::scheduler
