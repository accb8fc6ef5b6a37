// What would take a request back: the request's own changes and those of their consequences that
// nobody will make undone by himself. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "bus/kit/feed.h"
#include "cli/past/leaves.h"

namespace kubus::cli {

// Who makes this change, or its contrary, again by himself; "" : nobody, it is to be taken back.
// `direct`: the request itself made it, rather than what followed.
std::string follows_by_itself(const kit::EventView& event, bool direct);

// An object that shall be as it was: before the first of the changes, behind the last of them, and
// as it is. null: it was not there.
struct Touched {
  ObjectKey key;
  boost::json::value before, after, now;
};

struct UndoStep {
  enum class What : uint8_t { kPatch, kCreate, kDelete, kNothing };
  What what = What::kNothing;
  ObjectKey key;
  boost::json::value body;           // kPatch: a merge patch; kCreate: the object
  std::vector<FieldChange> changes;  // kPatch: the same, for people
  std::string uid;                   // kPatch, kDelete: of what is there now
  Revision revision;                 // kPatch: the one that it was planned for
  std::string note;                  // kNothing: why
  // Fields that somebody changed since: they are not taken back, and so nothing is.
  std::vector<std::string> conflicts;
};

UndoStep plan_undo(const Touched& touched);

// The steps in an order in which they can be done: what is made first in the order of need, what is
// removed last. What goes with its namespace needs no step of its own.
std::vector<UndoStep> in_order(std::vector<UndoStep> steps);

}  // namespace kubus::cli
