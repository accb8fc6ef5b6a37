// Which Pods nobody will ever end. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "schemas/lib/object.h"

namespace kubus::controllers::podgc {

enum class Verdict : uint8_t {
  kStays,
  kUnscheduled,   // it is to go, and no kubelet has it
  kOutOfService,  // it is to go, and its node is declared dead
};
// `node`: empty if its node is gone, or if it is bound to none.
Verdict judge(const Object& pod, const Object& node);

// Succeeded or Failed.
bool finished(const Object& pod);

// Finished Pods, the oldest first; beyond a number the oldest are too many.
class Finished {
 public:
  explicit Finished(size_t most) : most_(most) {}
  void put(const Object& pod);
  void erase(const Object& pod);
  size_t too_many() const { return pods_.size() > most_ ? pods_.size() - most_ : 0; }

  struct Entry {
    int64_t created;
    std::string ns, name;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  const std::set<Entry>& oldest_first() const { return pods_; }

 private:
  size_t most_;
  std::set<Entry> pods_;
};

}  // namespace kubus::controllers::podgc
