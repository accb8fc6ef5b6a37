// The kubeconfig that `up` writes: one cluster, one user with a client certificate, and where the
// bus is, under the cluster entry's extensions.
#pragma once

#include <string>

#include "cli/cluster/config.h"
#include "cli/cluster/pki.h"

namespace kubus::cli {

std::string render_kubeconfig(const ClusterConfig& config, const Layout& layout,
                              const std::string& ca_pem, const KeyPair& user);

}  // namespace kubus::cli
