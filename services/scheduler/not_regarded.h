// Fields of a Pod that say where it shall go and that no plugin acts on yet.
#pragma once

#include <string>

#include "schemas/lib/object.h"

namespace kubus::scheduler {

// Their paths, for people: "spec.resourceClaims, spec.volumes[*].persistentVolumeClaim". "" : none.
std::string not_regarded(const Object& pod);

}  // namespace kubus::scheduler
