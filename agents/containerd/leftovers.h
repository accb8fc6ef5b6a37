// Parts of remove_leftovers() that are pure.
#pragma once

#include <string>

namespace kubus::agents {

// What to feed `iptables-restore --noflush` so that what `iptables-save -t nat` printed holds
// nothing of `network` any more; "" if it holds nothing.
std::string undo_rules(const std::string& saved, const std::string& network);

}  // namespace kubus::agents
