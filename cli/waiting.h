// Waiting for what becomes of one object: by its feed, without asking again and again.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bus/ports/clock.h"
#include "cli/session.h"

namespace kubus::cli {

// The end of a patience, counted from its making; nullopt: for ever.
class Deadline {
 public:
  Deadline(Session& session, std::optional<bus::Duration> patience);
  bool over() const { return over_; }

 private:
  bool over_ = false;
  std::unique_ptr<bus::Timer> timer_;
};

// Runs the loop until `done` says so of the object as it stands; an empty Object: there is none.
// kTimeout when the deadline is over or the user interrupts.
Status await_object(Session& session, const ObjectKey& key, const Deadline& deadline,
                    const std::function<bool(const Object&)>& done);
// Runs the loop until that time has passed, or the deadline.
Status pause(Session& session, bus::Duration length, const Deadline& deadline);

// --timeout: "30s", "5m"; "" or "0": for ever. kBadRequest: it is no length of time.
void add_timeout_option(po::options_description_easy_init& add, const char* standard);
Result<std::optional<bus::Duration>> timeout_of(const Invocation& call);

}  // namespace kubus::cli
