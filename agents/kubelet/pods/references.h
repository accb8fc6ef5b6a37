// What a Pod refers to: ConfigMaps and Secrets of its namespace.
#pragma once

#include <compare>
#include <functional>
#include <string>

#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::kubelet {

struct RefKey {
  std::string resource;  // "configmaps" or "secrets"
  std::string name;
  friend auto operator<=>(const RefKey&, const RefKey&) = default;
};

// An empty Object: it does not exist.
using Lookup = std::function<Object(const RefKey&)>;

// A token of the Pod's ServiceAccount: for whom, and how long it shall hold.
struct TokenKey {
  std::string audience;  // "" : the API
  int64_t seconds = 0;
  friend auto operator<=>(const TokenKey&, const TokenKey&) = default;
};

// kUnavailable: there is none (yet), and why.
using TokenLookup = std::function<Result<std::string>(const TokenKey&)>;

}  // namespace kubus::kubelet
