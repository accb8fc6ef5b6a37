// The events of a request and what followed them, as the verb `undo` needs them.
#pragma once

#include <string>
#include <vector>

#include "cli/past/undo_plan.h"
#include "cli/session.h"

namespace kubus::cli {

struct Followed {
  kit::EventView event;
  std::string by;  // who sees to it
};

struct TakenBack {
  std::vector<kit::EventView> request;  // all changes of it, oldest first
  std::vector<UndoStep> steps;          // in order
  std::vector<Followed> follows;        // consequences that need no step
  bool conflicts = false;
};

// Everything is read anew. kExpired: the revision, or what was before it, is not kept. kBadRequest:
// it cannot be had from events.
Result<TakenBack> plan_for(Session& session, uint64_t revision);

// One atomic request with preconditions. Empty operations: there is nothing to do.
Result<wire::RequestT> request_of(const TakenBack& plan, uint64_t revision);

}  // namespace kubus::cli
