// What a Deployment needs next. Pure; times are unix seconds.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "schemas/lib/object.h"
#include "schemas/lib/selectors/selectors.h"

namespace kubus::controllers::deployment {

// A ReplicaSet of the Deployment.
struct Set {
  Object object;
  boost::json::object value;
  int64_t spec = 0;  // replicas wanted
  int64_t replicas = 0, ready = 0, available = 0, terminating = 0;
  int64_t revision = 0;
  int64_t created = 0;

  // What surely is available: its status may not have heard of a smaller wish yet.
  int64_t surely_available() const { return available < spec ? available : spec; }
};
Set set_of(const Object& object);

struct Observed {
  const Object& deployment;
  const boost::json::object& value;
  const selectors::LabelSelector& selector;
  std::vector<Object> sets;     // it is their controller
  std::vector<Object> orphans;  // ReplicaSets of its namespace
  // Whether another object has that name already.
  std::function<bool(const std::string& set_name)> taken;
  // Whether a Pod of this set is still there in any way but finished.
  std::function<bool(const Object& set)> has_pods;
};

struct Change {
  Object set;
  std::string patch;  // merge patch of the set
  std::string event;  // what to tell of it; "" : nothing
};

struct Plan {
  std::vector<Object> adopt, release, remove;
  std::optional<boost::json::object> create;
  std::vector<Change> changes;
  std::string event;           // of a set that is made
  std::string metadata_patch;  // of the Deployment; "" : none
  std::string status_patch;    // "" : none
  std::optional<int64_t> look_in;
};

Plan plan(const Observed& observed, int64_t now);

}  // namespace kubus::controllers::deployment
