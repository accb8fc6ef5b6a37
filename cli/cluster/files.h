// Small files of the state directory, written whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "schemas/lib/base/result.h"

namespace kubus::cli {

// Errors name the path and the system's reason.
Result<std::string> read_file(const std::string& path);
// Through a temporary name, synced and renamed. `mode`: 0600 for secrets.
Status write_file(const std::string& path, std::string_view content, int mode = 0644);
Status make_directories(const std::string& path, int mode = 0755);
bool exists(const std::string& path);

}  // namespace kubus::cli
