// Stays with a replay that other processes run: keys steer it, its end ends this.
#pragma once

#include <string>

#include "cli/past/private_replay.h"
#include "cli/session.h"

namespace kubus::cli {

// Returns when a process of it has ended (an error if it failed), on `q` or when interrupted.
Status attend(Session& session, const std::string& name, PrivateReplay& replay);

}  // namespace kubus::cli
