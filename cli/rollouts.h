// What `rollout` reads of a Deployment: how far it is, and the versions to which it can go back.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "cli/session.h"

namespace kubus::cli {

struct Progress {
  std::string message;  // a line for people
  bool complete = false;
  bool failed = false;  // its deadline has passed
};
Progress progress_of(const boost::json::object& deployment);

// A version: the ReplicaSet that stands for it, by its revision.
using Versions = std::map<int64_t, boost::json::object>;
Result<Versions> versions_of(Session& session, const Object& deployment);

// The template of a version as the Deployment would hold it.
boost::json::object template_of(const boost::json::object& replica_set);

}  // namespace kubus::cli
