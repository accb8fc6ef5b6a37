// What texts a Pod's containers and volumes are filled from: fields of the Pod, resources of a
// container, ConfigMaps and Secrets. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agents/kubelet/pods/references.h"
#include "schemas/lib/base/result.h"

namespace kubus::core::v1 {
struct Container;
struct ObjectFieldSelector;
struct ResourceFieldSelector;
}  // namespace kubus::core::v1

namespace kubus::kubelet {

// What only the node knows of a Pod.
struct PodFacts {
  std::string pod_ip, host_ip, node;
  int64_t cpu_milli = 0, memory_bytes = 0;  // of the node
};

// All that the ConfigMap or Secret holds, by key.
std::map<std::string, std::string> contents_of(const Object& source);

// Those contents, asked of `lookup`. An absent source is kNotFound, or holds nothing if `optional`.
Result<std::map<std::string, std::string>> look_up(const Lookup& lookup, const RefKey& key,
                                                   bool optional);
// `ConfigMap "x"`, as errors say it.
std::string described(const RefKey& key);

// "metadata.name", "metadata.labels['x']", "status.podIP", …; `metadata.labels` and
// `metadata.annotations` give all, a line each. kInvalid: no such field can be asked for.
Result<std::string> field_text(const Object& pod, const PodFacts& facts,
                               const core::v1::ObjectFieldSelector& selector);
// "limits.cpu" in units of the divisor, rounded up. A limit that is not set is the node's, a
// request 0. `own`: the container that asks, if one does.
Result<std::string> resource_text(const Object& pod, const PodFacts& facts,
                                  const core::v1::Container* own,
                                  const core::v1::ResourceFieldSelector& selector);

}  // namespace kubus::kubelet
