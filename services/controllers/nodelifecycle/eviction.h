// When a Pod must leave a node that drives its Pods out. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/ports/clock.h"
#include "schemas/lib/object.h"
#include "services/controllers/nodelifecycle/vigil.h"

namespace kubus::controllers::nodelifecycle {

// A taint NoExecute. `since`: on the monotonic clock, so that a wall clock that jumps drives nobody
// out.
struct DrivingTaint {
  std::string key, value;
  bus::Instant since;
};

// Remembers when each driving taint of a node was seen first, and how old it was then by its
// timeAdded.
class TaintAges {
 public:
  void look(const Object& node, bus::Instant now, int64_t wall_seconds);
  void forget(std::string_view node);
  std::vector<DrivingTaint> of(std::string_view node) const;

 private:
  struct Seen {
    std::optional<int64_t> added;
    DrivingTaint taint;
  };
  std::map<std::string, std::vector<Seen>, std::less<>> nodes_;
};

// Nobody is driven out for a silence that this controller has not heard itself.
bool counts(const DrivingTaint& taint, Presence presence);

// nullopt: it may stay as long as it likes.
std::optional<bus::Instant> leaves_at(const Object& pod, const std::vector<DrivingTaint>& taints);

// A merge patch of the Pod's status with that condition set; other conditions stay.
std::string condition_patch(const Object& pod, std::vector<boost::json::object> conditions,
                            int64_t now);
// status.conditions as those patches want them.
boost::json::object not_ready_condition();
boost::json::object disruption_condition(std::string_view reason, std::string_view message);

}  // namespace kubus::controllers::nodelifecycle
