#include "services/controllers/bound_pods.h"

#include "schemas/core/v1/pod_generated.h"

namespace kubus::controllers {

std::string_view node_of(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  return spec && spec->node_name() ? spec->node_name()->string_view() : std::string_view();
}

BoundPods::BoundPods(kit::Informer& pods) : pods_(pods) {
  pods.on_change([this](const kit::Informer::Change& c) {
    if (c.before && !node_of(c.before).empty()) {
      auto at = nodes_.find(node_of(c.before));
      if (at != nodes_.end()) {
        at->second.erase({std::string(c.before.ns()), std::string(c.before.name())});
        if (at->second.empty()) nodes_.erase(at);
      }
    }
    if (c.now && !node_of(c.now).empty()) {
      nodes_[std::string(node_of(c.now))].emplace(c.now.ns(), c.now.name());
    }
  });
}

std::vector<Object> BoundPods::on(std::string_view node) const {
  std::vector<Object> out;
  auto at = nodes_.find(node);
  if (at == nodes_.end()) return out;
  for (const auto& [ns, name] : at->second) {
    if (Object pod = pods_.find(ns, name)) out.push_back(std::move(pod));
  }
  return out;
}

}  // namespace kubus::controllers
