// Walks one keyspace of a view: the tables of a snapshot with the overlay on top, in the order of
// keys.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "services/store/engine/engine.h"
#include "services/store/state/overlay.h"

namespace kubus::store {

class Merged {
 public:
  // Sees the batches up to `limit`. The snapshot and the overlay must stay as they are while this
  // lives.
  Merged(const Snapshot& snapshot, const Overlay& overlay, Keyspace space, uint64_t limit);

  void seek_from(std::string_view key);  // at the first key that is not less; then next()
  void next();
  void seek_below(std::string_view key);  // at the last key that is less; then prev()
  void prev();

  bool valid() const { return valid_; }
  ByteView key() const { return key_; }
  ByteView value() const { return value_; }
  // Of the overlay: the batch that keeps the value; nullptr: the value lies in the snapshot.
  const Batch* batch() const { return batch_; }
  bool at_prefix(std::string_view prefix) const {
    return valid_ && as_text(key_).starts_with(prefix);
  }

 private:
  void settle_forward();
  void settle_backward();
  void take_table();
  void take_overlay(const OverlayPut* put);

  std::unique_ptr<Cursor> table_;
  const OverlayMap& map_;
  uint64_t limit_;
  OverlayMap::const_iterator over_;  // forward: the next; backward: one behind the next
  bool valid_ = false, on_table_ = false, on_overlay_ = false;
  ByteView key_, value_;
  const Batch* batch_ = nullptr;
};

}  // namespace kubus::store
