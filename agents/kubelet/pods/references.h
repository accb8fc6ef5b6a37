// What a Pod refers to: ConfigMaps and Secrets of its namespace.
#pragma once

#include <compare>
#include <functional>
#include <string>

#include "schemas/lib/object.h"

namespace kubus::kubelet {

struct RefKey {
  std::string resource;  // "configmaps" or "secrets"
  std::string name;
  friend auto operator<=>(const RefKey&, const RefKey&) = default;
};

// An empty Object: it does not exist.
using Lookup = std::function<Object(const RefKey&)>;

}  // namespace kubus::kubelet
