// Follows the chain of hashes through the entries of an archive, of deltas by the events that they
// stand for.
#pragma once

#include "bus/archive/chain.h"
#include "bus/archive/file/file.h"
#include "bus/archive/file/unpacker.h"

namespace kubus::archive {

// What the chain covers of an entry.
struct Digests {
  Digest event{}, secret{};
  bool has_secret = false;
  // False: the entry's secret is of no form that there is.
  bool take(const Entry& entry, const Record& record, ByteView event);
  Chain after(const Chain& chain) const;
};

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
  Revision base_;
  Chain chain_;
  Unpacker unpacker_;
  ByteView event_;
};

}  // namespace kubus::archive
