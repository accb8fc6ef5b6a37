// Which plugins decide for the Pods of one scheduler name, in which order and with which weight.
#pragma once

#include <span>
#include <string_view>

#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {

struct WeightedScore {
  const Score* score = nullptr;
  int64_t weight = 1;
};

struct Profile {
  std::string_view scheduler_name;
  std::span<const Filter* const> filters;  // the first that objects is told
  std::span<const WeightedScore> scores;
  // Of plugins/neighbours.h, whose filters come last.
  int64_t inter_pod_affinity_weight = 2, pod_topology_spread_weight = 2;
};

// What a Pod gets that names no scheduler.
inline constexpr std::string_view kDefaultScheduler = "default-scheduler";

// nullptr: Pods of that name are not ours.
const Profile* profile_named(std::string_view scheduler_name);
const Profile& default_profile();

}  // namespace kubus::scheduler
