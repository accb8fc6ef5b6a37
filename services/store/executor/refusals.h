// Remembers, for a while, what was told of write requests of which something was refused. Nothing
// of a refusal stands in the journal; without this a repeat, or a copy that the bus was slow with,
// would be run after its sender was told that it was not. What changed something is remembered by
// the state. Loop thread only.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/ports/clock.h"
#include "services/store/executor/replies.h"

namespace kubus::store {

class Refusals {
 public:
  using Told = std::vector<OutcomeData>;  // without bodies

  Refusals(bus::Duration keep, size_t most_bytes) : keep_(keep), most_bytes_(most_bytes) {}

  // Takes note of an answer if something of it is a refusal that a repeat must not overturn: one
  // for want of room, with nothing done, is none. Beyond the most bytes the oldest go.
  void note(const std::string& key, const ReplyData& reply, bus::Instant now);
  void forget(const std::string& key);
  // nullptr: nothing is known of it.
  const Told* find(const std::string& key) const;

 private:
  struct Entry {
    Told told;
    size_t bytes = 0;
    uint64_t number = 0;
  };
  struct Age {
    bus::Instant at;
    std::string key;
    uint64_t number = 0;
  };

  bus::Duration keep_;
  size_t most_bytes_, bytes_ = 0;
  uint64_t next_ = 1;
  std::unordered_map<std::string, Entry> entries_;
  std::deque<Age> by_age_;
};

}  // namespace kubus::store
