// Which nodes there are and what is on each: kept up incrementally from changes of Nodes and Pods,
// and from what was bound a moment ago and is not seen yet. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "schemas/lib/object.h"

namespace kubus::scheduler {

// What a Pod asks for, or all Pods of a node.
struct Resources {
  int64_t cpu_milli = 0;
  int64_t memory = 0;  // bytes
  int64_t pods = 0;
  friend bool operator==(const Resources&, const Resources&) = default;
};

// The larger of what its containers ask together and what each init container asks, with overhead.
Resources requests_of(const Object& pod);

struct NodeLoad {
  Object node;  // empty: Pods name it, but there is no such Node
  Resources used;
};
using Nodes = std::map<std::string, NodeLoad, std::less<>>;

class Occupancy {
 public:
  // As kit::Informer::Change: `before` or `now` may be empty.
  void on_node(const Object& before, const Object& now);
  void on_pod(const Object& before, const Object& now);
  // The Pod counts on that node until on_pod shows it there or gone, or forget().
  void assume(const Object& pod, const std::string& node);
  void forget(const Object& pod);

  const Nodes& nodes() const { return nodes_; }

 private:
  struct Place {
    std::string node;
    Resources requests;
  };
  void take_away(std::map<std::string, Place>* places, const std::string& pod);
  void put(std::map<std::string, Place>* places, const std::string& pod, Place place);
  void drop_if_empty(const std::string& node);

  Nodes nodes_;
  std::map<std::string, Place> placed_, assumed_;  // by Pod: "namespace/name"
};

}  // namespace kubus::scheduler
