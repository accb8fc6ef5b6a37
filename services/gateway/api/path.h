// What a Kubernetes API path names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schemas/lib/schema/registry.h"

namespace kubus::gateway {

struct ResourcePath {
  const schema::KindInfo* kind = nullptr;
  std::string ns;           // "" : cluster-scoped, or all namespaces
  std::string name;         // "" : the collection
  std::string subresource;  // "status"
};

// /api/v1/… and /apis/GROUP/VERSION/…; nullopt if the path names no served resource.
std::optional<ResourcePath> parse_resource_path(const std::vector<std::string>& segments);

}  // namespace kubus::gateway
