// A private containerd below a directory of its own: its configuration, its network, and what it
// leaves behind.
#pragma once

#include <string>
#include <vector>

#include "schemas/lib/base/result.h"

namespace kubus::agents {

// Sandboxes run this image; it must be imported before the first (compose/images makes it, the
// kubelet imports it).
constexpr const char* kPauseImage = "kubus.local/pause:1";

// Writes config.toml and the template of the CNI network below `dir`. The network comes up when a
// kubelet says which addresses its node's Pods get. What is there already is written again.
Status prepare_containerd(const std::string& dir, const std::string& cluster,
                          const std::string& pod_cidr);

// The name of the bridge that Pods hang on; at most 15 characters.
std::string bridge_name(const std::string& dir);
std::string containerd_socket(const std::string& dir);
std::vector<std::string> containerd_command(const std::string& dir);

// Unmounts what is mounted at `dir` and below.
Status unmount_below(const std::string& dir);

// Ends every container and shim that this containerd started, unmounts what is mounted below `dir`,
// removes its network namespaces, its bridge and its address translation rules. For when containerd
// itself is down. Images and configuration stay. Idempotent.
Status remove_leftovers(const std::string& dir, const std::string& cluster);

}  // namespace kubus::agents
