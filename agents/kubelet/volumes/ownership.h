// Volumes that belong to a Pod's group, and volumes in memory. Touches files and mounts.
#pragma once

#include <string>

#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

// Gives `dir` and all below it to the group, which may then read and write there, and passes the
// group on to what is made later. `only_if_root_differs`: nothing is done if `dir` itself is right.
Status give_to_group(const std::string& dir, int64_t group, bool only_if_root_differs);

// Mounts a file system in memory at `dir`, once. `bytes` 0: as large as the kernel's default.
Status mount_memory(const std::string& dir, int64_t bytes);

// Takes away what is mounted at `dir` and below.
void unmount_below(const std::string& dir);

}  // namespace kubus::kubelet
