// Whether records stand where they should in the groups of their object's versions
// (bus/archive/record.h).
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "bus/archive/record.h"

namespace kubus::store {

class Places {
 public:
  // Up to `horizon` versions may be missing.
  explicit Places(uint64_t horizon) : horizon_(horizon) {}
  // In order of revision. False: it stands elsewhere.
  bool add(uint64_t revision, const archive::Record& record);

 private:
  struct Group {
    uint16_t last = 0;                                     // place
    std::vector<std::pair<uint64_t, uint16_t>> ancestors;  // revision and place, oldest first
  };
  bool follows(uint64_t revision, const archive::Record& record, Group* group) const;

  uint64_t horizon_;
  std::unordered_map<uint64_t, Group> groups_;  // by oid
};

}  // namespace kubus::store
