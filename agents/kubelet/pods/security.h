// With what rights a container runs, and how much it may use. Pure but for a look whether a seccomp
// profile is there.
#pragma once

#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::core::v1 {
struct Container;
struct PodSpec;
}  // namespace kubus::core::v1

namespace kubus::kubelet {

Sharing sharing_of(const core::v1::PodSpec& spec);

// The container's own settings win over the Pod's. `profiles`: the folder of seccomp profiles.
// kInvalid: runAsNonRoot does not hold, or a profile is missing.
Result<Security> security_of(const core::v1::PodSpec& spec, const core::v1::Container& container,
                             const Image& image, const std::string& profiles);

// Shares, quota, memory and the OOM score by QoS class. `node_memory`: the node's, in bytes.
Resources resources_of(const Object& pod, const core::v1::Container& container,
                       int64_t node_memory);

// What this node cannot do for the Pod, and what to do about it; ok if it can run. The rest is seen
// when its volumes and images are.
Status refusal_of(const Object& pod);

}  // namespace kubus::kubelet
