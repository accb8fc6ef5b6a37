// What the scheduler writes into the status of a Pod without a node: the condition
// PodScheduled=False, and where a place is kept for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schemas/lib/object.h"

namespace kubus::scheduler {

inline constexpr std::string_view kUnschedulable = "Unschedulable";
inline constexpr std::string_view kSchedulingGated = "SchedulingGated";

struct Verdict {
  std::string reason;
  std::string message;
  std::string nominated;  // status.nominatedNodeName; "" : none
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Whether the Pod's status says so already.
bool says(const Object& pod, const Verdict& verdict);
// A JSON merge patch of the Pod's status that makes it say so. It replaces the list of conditions,
// so it must be sent with the Pod's revision.
std::string patch_to_say(const Object& pod, const Verdict& verdict, int64_t now_unix_seconds);

}  // namespace kubus::scheduler
