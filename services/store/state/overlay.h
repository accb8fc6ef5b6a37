// What is journaled, or about to be, and not yet in the tables: batches of puts, and over them one
// ordered map for each keyspace. A key's puts form a stack, newest on top, so that a reader may see
// the batches up to any number. Loop thread only, except that the puts of sealed batches may be
// read by workers.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "services/store/engine/engine.h"
#include "services/store/journal/journal.h"
#include "services/store/state/batch.h"
#include "services/store/state/encoding.h"

namespace kubus::store {

// The memory of a batch: its puts, laid out as the journal writes them (FORMAT.md), so that nothing
// is copied again.
class Arena {
 public:
  // 8-aligned; stays where it is until truncated.
  uint8_t* allocate(size_t size);
  size_t bytes() const;
  struct Mark {
    size_t chunks = 0, used = 0;
  };
  Mark mark() const { return {chunks_.size(), chunks_.empty() ? 0 : chunks_.back().used}; }
  void truncate(Mark to);
  std::vector<ByteView> parts() const;

 private:
  struct Chunk {
    std::unique_ptr<uint64_t[]> words;
    size_t used = 0, size = 0;
  };
  std::vector<Chunk> chunks_;
};

struct OverlayPut;
struct OverlayNode {
  OverlayPut* top = nullptr;
  uint64_t trimmed = 0;  // nothing up to this batch is left in the stack
};
using OverlayMap = std::map<std::string, OverlayNode, std::less<>>;

struct Batch;
struct OverlayPut {
  Keyspace space = Keyspace::kMeta;
  bool erase = false;
  ByteView key, value;
  const Batch* batch = nullptr;
  OverlayPut* below = nullptr;
  OverlayMap::iterator node;
};

struct Batch {
  uint64_t number = 0;
  Revision first, last;  // last < first: no change yet
  int64_t time_ns = 0;
  std::shared_ptr<const void> memory;  // keeps every key and value of `puts`
  std::deque<OverlayPut> puts;
  size_t bytes = 0;
  Chain chain{};  // once durable
};

// The layout of a put inside a batch: PutHeader, key, value, the latter two padded to 8.
struct PutHeader {
  uint8_t space = 0;
  uint8_t erase = 0;
  uint16_t key_size = 0;
  uint32_t value_size = 0;
};
static_assert(sizeof(PutHeader) == 8);

class Overlay {
 public:
  // Makes room for a put in the arena; `*value` is to be filled by the caller before the put is
  // added.
  static OverlayPut encode(Arena* arena, Keyspace space, bool erase, std::string_view key,
                           size_t value_size, uint8_t** value);
  // Reads the puts of a recovered batch; false: they are malformed.
  static bool decode(ByteView bytes, std::vector<OverlayPut>* puts);

  // On top of its key's stack; the put stays in `batch`.
  void add(Batch* batch, OverlayPut put);
  // Takes the last puts of the newest batch away until `keep` are left.
  void undo(Batch* batch, size_t keep);
  // These batches, the oldest, are in the tables.
  void drop(std::span<const std::shared_ptr<Batch>> batches);

  // The newest put of a key among batches up to `limit`; nullptr: none.
  const OverlayPut* find(Keyspace space, std::string_view key, uint64_t limit) const;
  static const OverlayPut* visible(const OverlayNode& node, uint64_t limit);
  const OverlayMap& map(Keyspace space) const { return maps_[static_cast<size_t>(space)]; }

 private:
  std::array<OverlayMap, kKeyspaces> maps_;
};

}  // namespace kubus::store
