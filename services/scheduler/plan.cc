#include "services/scheduler/plan.h"

#include <algorithm>
#include <vector>

#include "services/scheduler/filters.h"

namespace kubus::scheduler {
namespace {

std::optional<std::string> why_not(const Object& pod, const NodeLoad& node) {
  for (const Filter& f : filters()) {
    if (auto why = f.why_not(pod, node)) return why;
  }
  return std::nullopt;
}

// The most frequent reason first.
std::string explain(const std::map<std::string, size_t>& reasons, size_t nodes) {
  if (nodes == 0) return "no nodes available to schedule pods";
  std::vector<std::pair<size_t, std::string>> sorted;
  for (const auto& [reason, count] : reasons) sorted.emplace_back(count, reason);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text = "0/" + std::to_string(nodes) + " nodes are available: ";
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(sorted[i].first) + " " + sorted[i].second;
  }
  return text + ".";
}

}  // namespace

Decision plan(const Object& pod, const Nodes& nodes) {
  const NodeLoad* best = nullptr;
  std::map<std::string, size_t> reasons;
  size_t count = 0;
  for (const auto& [name, node] : nodes) {
    if (!node.node) continue;
    ++count;
    if (auto why = why_not(pod, node)) {
      ++reasons[*why];
    } else if (!best || node.used.pods < best->used.pods) {
      best = &node;
    }
  }
  if (best) return {std::string(best->node.name()), ""};
  return {"", explain(reasons, count)};
}

}  // namespace kubus::scheduler
