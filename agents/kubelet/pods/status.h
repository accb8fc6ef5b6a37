// The status of a Pod, as the runtime's state gives it. Pure. Fields written by the kubelet: phase,
// reason, message, conditions (its own types; others are kept), hostIP(s), podIP(s), startTime,
// observedGeneration, (init)containerStatuses. qosClass and nominatedNodeName are others'.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "agents/kubelet/pods/model.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::kubelet {

struct NodeFacts {
  std::string name, address, runtime_name;
};

// The whole status to be, starting from the one that the Pod has.
boost::json::object status_of(const Object& pod, const DesiredPod& desired,
                              const ObservedPod& observed, const PodMemory& memory,
                              const NodeFacts& node, int64_t now);

// The merge patch {"status": …} that makes it so; "" if nothing would change. An error: it is no
// status.
Result<std::string> status_patch(const Object& pod, const boost::json::object& status);

}  // namespace kubus::kubelet
