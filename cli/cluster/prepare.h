// Puts on disk everything that a cluster's processes need before they start: directories,
// certificates, bus users, the bus server's configuration, containerd's, the kubeconfig. What is
// there already stays as it is.
#pragma once

#include "cli/cluster/config.h"

namespace kubus::cli {

Status prepare(const ClusterConfig& config, const Layout& layout, int64_t now_unix_seconds);
// For a replay alone: a bus, and certificates if it is to have an API.
Status prepare_replay(const ClusterConfig& config, const Layout& layout, int64_t now_unix_seconds,
                      bool api);

}  // namespace kubus::cli
