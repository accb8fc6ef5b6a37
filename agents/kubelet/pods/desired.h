// What a Pod object asks of this kubelet. Pure.
#pragma once

#include <string>
#include <vector>

#include "agents/kubelet/pods/model.h"
#include "schemas/lib/object.h"

namespace kubus::core::v1 {
struct Container;
}

namespace kubus::kubelet {

DesiredPod read_pod(const Object& pod);
// Null: it has none of that name.
const core::v1::Container* container_of(const Object& pod, std::string_view name);
// What of the Pod is not acted on, as paths with a word why; empty if all is. Shown as a condition.
std::vector<std::string> not_acted_on(const Object& pod);

}  // namespace kubus::kubelet
