// The tables of the store: a few ordered keyspaces, one durable write transaction at a time, cheap
// snapshots. Adapters: lmdb.h (files) and memory.h (the simulator and unit tests).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"

namespace kubus::store {

// The keyspaces; their numbers are part of the format (FORMAT.md).
enum class Keyspace : uint8_t {
  kMeta = 0,     // name → value
  kObjects = 1,  // kind, ns, name → live entry
  kDead = 2,     // kind, ns, name → last entry of a name that is gone
  kJournal = 3,  // revision → record with the Event
  kSecrets = 4,  // revision → body of a confidential kind's object
  kHistory = 5,  // object id, revision → type
  kLanes = 6,    // lane → head
  kMarks = 7,    // lane, revision → "" : every so many events of a lane
  kIndex = 8,    // owners, nodes, references, ages
  kAudit = 9,    // number → what was refused
  kLatest = 10,  // object id → whole record of a live object whose record is a delta
  kCauses = 11,  // revision, revision that it led to → ""
};
inline constexpr size_t kKeyspaces = 12;
inline constexpr size_t kMaxKey = 511;  // bytes; longer keys are a broken invariant

// Walks one keyspace in the order of the keys' bytes. Belongs to the snapshot that made it and dies
// before it.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual void lower_bound(ByteView key) = 0;  // at the first key that is not less, or invalid
  virtual void last() = 0;
  virtual void next() = 0;  // valid() only
  virtual void prev() = 0;  // valid() only
  virtual bool valid() const = 0;
  virtual ByteView key() const = 0;
  virtual ByteView value() const = 0;
};

// The tables as one transaction left them. What it returns stays where it is while the snapshot
// lives; values of 8-byte keys and lengths that are multiples of 8 are aligned to 8. One thread at
// a time; may be destroyed on any.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual std::optional<ByteView> get(Keyspace space, ByteView key) const = 0;
  virtual std::unique_ptr<Cursor> cursor(Keyspace space) const = 0;
};

struct Put {
  Keyspace space = Keyspace::kMeta;
  bool erase = false;
  ByteView key;
  ByteView value;
};

struct EngineUsage {
  uint64_t used = 0;       // bytes in use
  uint64_t size = 0;       // bytes that there can be
  uint64_t disk_free = 0;  // bytes left on its file system
};

class Engine {
 public:
  virtual ~Engine() = default;
  // The present state. Any thread.
  virtual Result<std::shared_ptr<const Snapshot>> snapshot() const = 0;
  // All of it or nothing, in order (a later put of a key wins); durable when it returns. Blocks:
  // for workers; one at a time. kUnavailable: full or I/O, nothing was written. Fastest when sorted
  // by space and key.
  virtual Status write(std::span<const Put> puts) = 0;
  // What was erased or replaced until now leaves the files too, by the end of the next opening.
  virtual Status scrub() = 0;
  virtual EngineUsage usage() const = 0;
};

}  // namespace kubus::store
