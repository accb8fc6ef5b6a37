// What users from outside may: what their User object says at the revision at which the request
// runs. A user that was deleted, or is being deleted, may nothing from that revision on.
#pragma once

#include "services/store/auth/authorizer.h"

namespace kubus::store {

// The user's name if the actor is one from outside ("user:shipper"); "" : it is none.
std::string_view outside_user(std::string_view actor);
bool may_outside(const Access& access, std::string_view user, const View& view);

}  // namespace kubus::store
