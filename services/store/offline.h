// What kubus-store does instead of serving: `--restore FILE`, `--check`.
#pragma once

#include <optional>

namespace kubus::store {

// nullopt: the command line asks for none of it; else the exit code.
std::optional<int> run_offline(int argc, char** argv);

}  // namespace kubus::store
