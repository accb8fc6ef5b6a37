// What the node's kernel must allow for Services to work.
#pragma once

#include "schemas/lib/base/result.h"

namespace kubus::proxy {

// Forwarding of packets, and that packets between Pods of one bridge pass the rules: answers of a
// Service's Pod to its neighbour would keep the Pod's address otherwise. kUnavailable names what
// could not be set.
Status prepare_host();

}  // namespace kubus::proxy
