// A change of an object taken back, field by field. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "schemas/lib/schema/registry.h"

namespace kubus::cli {

struct Restored {
  boost::json::value value;  // what `now` becomes
  // Fields that the change set and somebody set otherwise since: they stay as they are now.
  std::vector<std::string> conflicts;
};

// `now` with what differs between `before` and `after` as it was before. Items of lists are told
// apart by the schema's keys; lists without keys are one field. What the server and controllers
// fill in (status, revisions, generation, …) stays.
Restored restore(const schema::TypeInfo& type, const boost::json::value& before,
                 const boost::json::value& after, const boost::json::value& now);

// The JSON merge patch that makes `to` of `from`.
boost::json::object merge_patch(const boost::json::object& from, const boost::json::object& to);

// The object as a user would have written it.
boost::json::value without_servers_part(boost::json::value object);

}  // namespace kubus::cli
