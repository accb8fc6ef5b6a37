// What a ReplicaSet needs next. Pure; times are unix seconds.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schemas/lib/object.h"
#include "schemas/lib/selectors/selectors.h"

namespace kubus::controllers::replicaset {

// Why its Pods could not be made or removed the last time.
struct Failure {
  std::string reason, message;
};

struct Observed {
  const Object& set;
  const boost::json::object& value;  // the same, as JSON
  const selectors::LabelSelector& selector;
  std::vector<Object> pods;     // it is their controller
  std::vector<Object> orphans;  // of its namespace
  std::optional<Failure> failure;
};

struct Plan {
  std::vector<Object> adopt, release, remove;
  int create = 0;
  std::string status_patch;        // "" : the status is true already
  std::optional<int64_t> look_in;  // seconds until a Pod becomes available by itself
};

Plan plan(const Observed& observed, int64_t now);

// A Pod of the set's template, under that name.
boost::json::object pod_of(const Object& set, const boost::json::object& value,
                           const std::string& name);
// "web-5d8f7" of the set's name: what its Pods' names begin with, no longer than a name may be.
std::string pod_prefix(const Object& set);

}  // namespace kubus::controllers::replicaset
