// What a Pod takes of the node that it is on. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/lib/object.h"
#include "services/scheduler/model/names.h"

namespace kubus::scheduler {

// Resources that every node has. cpu in thousandths, memory and storage in bytes.
enum Resource : uint8_t { kCpu, kMemory, kStorage, kPods, kResources };
using Amounts = std::array<int64_t, kResources>;
using Extended = std::vector<std::pair<NameId, int64_t>>;  // other resources, by name, sorted

struct HostPort {
  NameId ip = kNoName;  // kNoName: every address of the node
  NameId protocol = kNoName;
  int32_t port = 0;
  friend auto operator<=>(const HostPort&, const HostPort&) = default;
  bool conflicts(const HostPort& o) const {
    return port == o.port && protocol == o.protocol &&
           (ip == o.ip || ip == kNoName || o.ip == kNoName);
  }
};

struct Load {
  Amounts amounts{};
  // For scores: what a container does not ask for is guessed, lest such Pods pile up on one node.
  int64_t scored_cpu = 0, scored_memory = 0;
  Extended extended;
  std::vector<HostPort> ports;
  friend bool operator==(const Load&, const Load&) = default;
};

// Of the larger of what its containers and sidecars ask together and what each init container asks
// beside the sidecars that run by then; what the Pod itself says instead where it does; with
// overhead.
Load load_of(const Object& pod, Names& names);

// More than any machine has. What is more counts as this much, so that no sum overflows.
inline constexpr int64_t kMostAmount = int64_t{1} << 49;

// The amount of a resource's text in the units above, 0 … kMostAmount; 0 for what is no quantity.
int64_t amount_of(Resource resource, std::string_view quantity);
// kResources: not one of these.
Resource resource_named(std::string_view name);

}  // namespace kubus::scheduler
