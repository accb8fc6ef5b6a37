// Names that survive a power cut: a file's or directory's name is durable when the directory that
// it stands in has been synced.
#pragma once

#include <string>

#include "schemas/lib/base/result.h"

namespace kubus::store {

// Makes the directory if it is not there; its name is durable afterwards. kUnavailable: I/O; the
// message names the path.
Status make_durable_directory(const std::string& path);
// What was written to the file, by whomever, is durable afterwards.
Status sync_file(const std::string& path);
// The names in it are durable afterwards.
Status sync_directory(const std::string& path);

}  // namespace kubus::store
