#include "services/scheduler/plugins/profile.h"

#include <array>

namespace kubus::scheduler {
namespace {

constexpr std::array kFilters = {&kNodeUnschedulable, &kNodeName, &kTaintToleration,
                                 &kNodeAffinity,      &kOs,       &kNodePorts,
                                 &kNodeResourcesFit};

constexpr std::array kScores = {
    WeightedScore{&kTaintTolerationScore, 3}, WeightedScore{&kNodeAffinityScore, 2},
    WeightedScore{&kLeastAllocated, 1},       WeightedScore{&kBalancedAllocation, 1},
    WeightedScore{&kImageLocality, 1},
};

constexpr std::array kProfiles = {Profile{kDefaultScheduler, kFilters, kScores}};

}  // namespace

const Profile* profile_named(std::string_view scheduler_name) {
  if (scheduler_name.empty()) scheduler_name = kDefaultScheduler;
  for (const Profile& p : kProfiles) {
    if (p.scheduler_name == scheduler_name) return &p;
  }
  return nullptr;
}

const Profile& default_profile() {
  return kProfiles.front();
}

}  // namespace kubus::scheduler
