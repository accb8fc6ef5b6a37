// What to do next for one Pod. Pure: the same input gives the same plan, and every action, when it
// completes, changes the input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/kubelet/pods/model.h"

namespace kubus::kubelet {

struct Action {
  enum class Kind : uint8_t {
    kRunSandbox,       // attempt
    kStopSandbox,      // id
    kRemoveSandbox,    // id
    kEnsureImage,      // container
    kResolve,          // container: fetch what it refers to, make its volumes
    kCreateContainer,  // container, id of the sandbox, attempt, streak
    kStartContainer,   // container, id
    kStopContainer,    // container, id, grace, asked
    kRemoveContainer,  // container, id
  };
  Kind kind;
  std::string container, id;
  uint32_t attempt = 0;
  int streak = 0;
  int64_t grace = 0;  // what is left of it, seconds
  int64_t asked = 0;  // the whole
  friend bool operator==(const Action&, const Action&) = default;
};

// "stop web grace=30"
std::string to_string(const Action& action);

struct Plan {
  std::vector<Action> actions;
  std::optional<int64_t> again_at;  // plan again then, if nothing happens before
  bool gone = false;                // nothing of it is left in the runtime, nothing is under way
  bool ending = false;  // it is to end: with the grace that counts from when it began to
};

// `desired` null: nobody knows this Pod any more; what it left must go, with `grace_seconds`.
Plan plan(const DesiredPod* desired, int64_t grace_seconds, const ObservedPod& observed,
          const PodMemory& memory, int64_t now);

}  // namespace kubus::kubelet
