// The table as it was last, on this machine's disk: for a start after a reboot while the bus is
// away.
#pragma once

#include <string>

#include "schemas/lib/base/result.h"

namespace kubus::proxy {

// Replaces what was kept, whole or not at all.
Status keep(const std::string& state_dir, const std::string& whole);
// Gives the kernel what was kept, unless it has that table: then its own is newer.
Status restore(const std::string& state_dir, const std::string& table);

}  // namespace kubus::proxy
