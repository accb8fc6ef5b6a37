// The bus server's configuration in the state directory: the cluster's own users, those from
// outside as last known, and what config.json says.
#pragma once

#include "cli/cluster/config.h"

namespace kubus::cli {

// Makes credentials that are missing; writes the file whole. The server reads it at its start, or
// when told to.
Status write_bus_config(const ClusterConfig& config, const Layout& layout);

}  // namespace kubus::cli
