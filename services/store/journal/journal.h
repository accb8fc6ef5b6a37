// The journal: makes batches durable, in order. Append is asynchronous; while one sync runs, the
// batches that arrive wait and share the next. Adapters: segment.h (files), memory.h (the
// simulator); a replicated one fits behind the same port. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "bus/archive/chain.h"
#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/ids.h"
#include "schemas/lib/base/result.h"

namespace kubus::store {

using archive::Chain;
using archive::chain_next;

// One batch. `first` and `last` are its revisions; batches are dense: first = last of the one
// before + 1.
struct JournalEntry {
  Revision first, last;
  int64_t time_ns = 0;
  std::vector<Payload> parts;     // the bytes, in order
  std::vector<ByteView> records;  // what the chain covers; inside `parts`
};

struct Durable {
  Revision last;
  Chain chain{};  // after this batch
};

enum class Role : uint8_t { kLeader, kFollower };

struct JournalHandler {
  std::function<void(std::span<const Durable>)> committed;  // in order of append
  // No batch appended and not yet committed will ever be (by us); nothing can be appended until
  // role says kLeader.
  std::function<void(Error)> lost;
  std::function<void(Role, uint64_t term)> role;  // at start, and when it changes
};

class Journal {
 public:
  // A recovered batch; returns the records that the chain covers, or an error that ends the
  // recovery.
  using Replay = std::function<Result<std::vector<ByteView>>(const JournalEntry&)>;

  virtual ~Journal() = default;

  // Once, first: gives every durable batch behind `applied` to `replay`, in order; `chain` is the
  // chain at `applied`. A torn tail is cut off. kInvalid: a damaged or missing batch with sound
  // ones behind it, a broken chain, a newer format; the message names file and offset. Blocks.
  // Returns the chain after each batch.
  virtual Result<std::vector<Durable>> recover(Revision applied, const Chain& chain,
                                               const Replay& replay) = 0;
  // Once, after recover().
  virtual void start(JournalHandler handler) = 0;
  virtual void append(JournalEntry entry) = 0;
  // Everything up to here is in the tables: its space may be used again.
  virtual void release(Revision applied) = 0;
  // What batches up to `to` held leaves the files: the space of those up to `applied` now, that of
  // the others when they are released. In the background.
  virtual void scrub(Revision to, Revision applied) = 0;
  virtual uint64_t syncs() const = 0;
};

}  // namespace kubus::store
