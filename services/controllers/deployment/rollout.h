// How many Pods each ReplicaSet of a Deployment should have next. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <vector>

#include "services/controllers/deployment/plan.h"

namespace kubus::controllers::deployment {

// What the strategy allows, in Pods.
struct Limits {
  int64_t wanted = 1;
  int64_t surge = 0;        // beyond those wanted
  int64_t unavailable = 0;  // of those wanted
  bool recreate = false;

  int64_t most() const { return wanted == 0 || recreate ? wanted : wanted + surge; }
  int64_t least_available() const { return wanted - unavailable; }
};
Limits limits_of(const boost::json::object& spec);

// A set and the number of Pods that it should want from now on.
struct Wish {
  Set* set;
  int64_t replicas;
};

// How many Pods a new set may have beside these.
int64_t room_for_new(const Limits& limits, int64_t present_in_new, const std::vector<Set>& old);
// One step of a rolling update; `fresh` null: there is no new set yet.
std::vector<Wish> roll(const Limits& limits, Set* fresh, std::vector<Set>& old);
// One step of a replacement: nothing new before all that is old is gone.
std::vector<Wish> recreate(const Limits& limits, Set* fresh, std::vector<Set>& old, bool old_pods);
// The number wanted has changed in the midst of a rollout, or during a pause: every set grows or
// shrinks in proportion.
std::vector<Wish> scale(const Limits& limits, Set* fresh, std::vector<Set>& old);

}  // namespace kubus::controllers::deployment
