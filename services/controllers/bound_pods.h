// Which Pods are bound to which node. Loop thread only.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bus/kit/informer.h"

namespace kubus::controllers {

// "" : bound to none.
std::string_view node_of(const Object& pod);

// Made before the handlers that rely on it.
class BoundPods {
 public:
  explicit BoundPods(kit::Informer& pods);
  BoundPods(const BoundPods&) = delete;

  std::vector<Object> on(std::string_view node) const;
  bool any_on(std::string_view node) const { return nodes_.count(node) > 0; }

 private:
  kit::Informer& pods_;
  std::map<std::string, std::set<std::pair<std::string, std::string>>, std::less<>> nodes_;
};

}  // namespace kubus::controllers
