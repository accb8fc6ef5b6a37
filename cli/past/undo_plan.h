// What would take a change back. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "bus/kit/feed.h"

namespace kubus::cli {

// An object of a request that shall be taken back: as it was before, as the request left it, and as
// it is. null: it was not there.
struct Touched {
  ObjectKey key;
  std::string subresource;  // of the request
  boost::json::value before, after, now;
};

struct UndoStep {
  enum class What : uint8_t { kPatch, kCreate, kDelete, kNothing };
  What what = What::kNothing;
  ObjectKey key;
  boost::json::value body;  // kPatch: a merge patch; kCreate: the object
  std::string uid;          // kPatch, kDelete: of what is there now
  Revision revision;        // kPatch: the one that it was planned for
  std::string note;         // kNothing: why
  // Fields that somebody changed since: they are not taken back, and so nothing is.
  std::vector<std::string> conflicts;
};

// What controllers report (status) and what the server fills in are not taken back: they follow.
UndoStep plan_undo(const Touched& touched);

}  // namespace kubus::cli
