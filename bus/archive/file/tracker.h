// Follows the chain of hashes through the entries of an archive, of deltas by the events that they
// stand for.
#pragma once

#include <unordered_map>
#include <vector>

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
  // By object: the last version that a delta may hang on, what that one hangs on, and so on.
  std::unordered_map<uint64_t, std::vector<Base>> bases_;
  Buffer unpacked_;
  ByteView event_;
};

}  // namespace kubus::archive
