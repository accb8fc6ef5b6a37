// What a Node's conditions and taints should be. Pure; times are unix seconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/lib/object.h"
#include "services/controllers/nodelifecycle/vigil.h"

namespace kubus::controllers::nodelifecycle {

inline constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready";
inline constexpr std::string_view kUnreachable = "node.kubernetes.io/unreachable";

// Whether the node's Pods may be driven out.
enum class DriveOut : uint8_t {
  kHold,      // not yet, but what was begun goes on
  kPermit,    // yes
  kWithdraw,  // no, and what was begun ends
};

// At most one patch is set: one thing at a time, each with the node's revision as precondition.
struct Plan {
  std::string status_patch;  // conditions that nobody vouches for any more
  std::string taints_patch;
  bool wants_permit = false;  // it would drive Pods out
};

Plan plan(const Object& node, Presence presence, DriveOut drive_out, int64_t now);

// The status of a condition; "" : the node has none of that type.
std::string_view condition_of(const Object& node, std::string_view type);
// Where it stands, by its labels; nodes of one zone fail together.
std::string zone_of(const Object& node);

}  // namespace kubus::controllers::nodelifecycle
