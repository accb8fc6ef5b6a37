// Follows the chain of hashes through the entries of an archive, of deltas by the events that they
// stand for.
#pragma once

#include <deque>
#include <unordered_map>

#include "bus/archive/chain.h"
#include "bus/archive/file/file.h"
#include "bus/archive/record.h"

namespace kubus::archive {

class ChainTracker {
 public:
  // `base`: entries up to this revision stand before the chain.
  ChainTracker(Revision base, const Chain& chain) : base_(base), chain_(chain) {}
  // False: the record is of a form that this program does not know, or a delta without its base.
  bool add(const Entry& entry);
  const Chain& chain() const { return chain_; }
  // The event of the entry added last.
  ByteView event() const { return event_; }

 private:
  struct Base {
    uint64_t revision = 0;
    Buffer event;
  };
  bool take_event(uint64_t revision, const Record& record);
  Revision base_;
  Chain chain_;
  // By object: the whole events that a delta to come may hang on. Usually one: but what was read
  // before it had become a delta is no base, and what hangs on the one before it comes still.
  std::unordered_map<uint64_t, std::deque<Base>> bases_;
  Buffer unpacked_;
  ByteView event_;
};

}  // namespace kubus::archive
