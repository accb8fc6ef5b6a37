// What is done on a store's files by the store's own program.
#pragma once

#include <string>
#include <vector>

#include "cli/cluster/layout.h"
#include "schemas/lib/base/result.h"

namespace kubus::cli {

// kConflict if the cluster runs.
Status refuse_if_up(const Layout& layout);

// This process goes on as kubus-store on the cluster's state, with these options besides. Returns
// only if that cannot be.
Status become_store(const Layout& layout, const std::vector<std::string>& options);

}  // namespace kubus::cli
