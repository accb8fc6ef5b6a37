// PriorityClasses as those see them who look one up.
#pragma once

#include <array>

#include "services/store/kinds/kinds.h"

namespace kubus::store::kinds {

struct SystemClass {
  std::string_view name, description;
  int32_t value;
};
// What every cluster has; nobody else may have a name that begins like theirs.
inline constexpr std::array<SystemClass, 2> kSystemClasses = {{
    {"system-cluster-critical", "For Pods that the cluster cannot do without.", 2000000000},
    {"system-node-critical", "For Pods that their node cannot do without.", 2000001000},
}};

std::optional<Object> priority_class(const Lookup& lookup, const std::string& name);
// The one that Pods get which name none.
std::optional<Object> default_priority_class(const Lookup& lookup);

}  // namespace kubus::store::kinds
