// Tidying up after a process that can no longer do it.
#pragma once

#include <string>

namespace kubus::store {

// Waits until standard input ends, which it does with whoever holds its other side; then removes
// the directory with all that is in it. Returns the exit code.
int sweep(const std::string& directory);

}  // namespace kubus::store
