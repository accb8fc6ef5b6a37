// Nodes that have the Pod's images already; an image counts for more the more nodes have it, lest
// the first node that has one draws everything.
#include <algorithm>

#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {
namespace {

constexpr int64_t kMegabyte = 1024 * 1024;
constexpr int64_t kLeast = 23 * kMegabyte;
constexpr int64_t kMostEach = 1000 * kMegabyte;  // of each container

bool has_images(const Demand& demand) {
  return !demand.images.empty();
}

int64_t score(const Demand& demand, NodeRef node) {
  const auto& there = node.facts().images;
  int64_t sum = 0;
  for (NameId image : demand.images) {
    auto at = std::lower_bound(there.begin(), there.end(), image,
                               [](const auto& entry, NameId id) { return entry.first < id; });
    if (at == there.end() || at->first != image) continue;
    double spread = static_cast<double>(node.in.nodes_with(image)) /
                    static_cast<double>(std::max<size_t>(1, node.in.nodes()));
    sum += static_cast<int64_t>(static_cast<double>(at->second) * spread);
  }
  int64_t most = kMostEach * static_cast<int64_t>(demand.containers);
  return kMostScore * (std::clamp(sum, kLeast, most) - kLeast) / (most - kLeast);
}

}  // namespace

const Score kImageLocality{.name = "ImageLocality", .concerns = has_images, .score = score};

}  // namespace kubus::scheduler
