// Which processes make up a cluster, and with which arguments.
#pragma once

#include <vector>

#include "cli/cluster/config.h"
#include "cli/supervisor/supervisor.h"

namespace kubus::cli {

// In starting order. Everything that they need is on disk already (see prepare.h).
std::vector<ChildSpec> components_of(const ClusterConfig& config, const Layout& layout);

// The gateway alone.
ChildSpec gateway_of(const ClusterConfig& config, const Layout& layout);

}  // namespace kubus::cli
