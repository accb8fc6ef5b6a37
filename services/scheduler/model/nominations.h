// Pods whose place is kept on a node while others leave it: they count there for all Pods of the
// same or a lower priority. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "schemas/lib/object.h"
#include "services/scheduler/model/snapshot.h"

namespace kubus::scheduler {

class Nominations {
 public:
  explicit Nominations(Snapshot& snapshot) : snapshot_(snapshot) {}

  // Keeps its place there, and nowhere else.
  void set(const std::string& pod, const Object& object, std::string_view node);
  // Gives the place up. What that frees is only told if it counted.
  Change drop(const std::string& pod);
  std::string node_of(const std::string& pod) const;  // "" : none is kept
  bool empty() const { return all_.empty(); }
  // From now on those of at least this priority count.
  void look_from(int32_t priority);
  // While it lives, the Pod's own place does not count.
  class Aside {
   public:
    Aside(Nominations& nominations, const std::string& pod);
    ~Aside();
    Aside(const Aside&) = delete;

   private:
    Nominations& nominations_;
    const std::string& pod_;
    bool counted_ = false;
  };

  bool any_on(std::string_view node) const { return by_node_.contains(node); }
  // Pods that are promised this node, the most important first.
  std::vector<std::string> on(std::string_view node) const;
  int32_t priority_of(const std::string& pod) const;

 private:
  struct One {
    Object object;
    std::string node;
    int32_t priority = 0;
    bool counted = false;
  };
  void count(const std::string& pod, One& one);
  Change uncount(const std::string& pod, One& one);

  Snapshot& snapshot_;
  std::map<std::string, One> all_;
  std::set<std::pair<int32_t, std::string>> by_priority_;
  std::map<std::string, std::set<std::pair<int64_t, std::string>>, std::less<>> by_node_;
  int32_t from_ = INT32_MIN;
};

}  // namespace kubus::scheduler
