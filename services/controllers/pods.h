// What controllers ask of a Pod. Pure; times are unix seconds.
#pragma once

#include <cstdint>
#include <optional>

#include "schemas/lib/object.h"

namespace kubus::controllers {

// Neither finished nor being deleted.
bool active(const Object& pod);
bool ready(const Object& pod);
// When it became ready; nullopt: it is not.
std::optional<int64_t> ready_since(const Object& pod);
// Ready for `min_ready_seconds`.
bool available(const Object& pod, int64_t min_ready_seconds, int64_t now);
int restarts(const Object& pod);
// The sum of what it says of its cost: annotation controller.kubernetes.io/pod-deletion-cost.
int32_t deletion_cost(const Object& pod);

}  // namespace kubus::controllers
