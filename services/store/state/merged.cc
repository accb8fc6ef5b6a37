#include "services/store/state/merged.h"

namespace kubus::store {

Merged::Merged(const Snapshot& snapshot, const Overlay& overlay, Keyspace space, uint64_t limit)
    : table_(snapshot.cursor(space)), map_(overlay.map(space)), limit_(limit), over_(map_.end()) {}

void Merged::take_table() {
  key_ = table_->key();
  value_ = table_->value();
  batch_ = nullptr;
  on_table_ = valid_ = true;
}

void Merged::take_overlay(const OverlayPut* put) {
  key_ = as_bytes(over_->first);
  value_ = put->value;
  batch_ = put->batch;
  on_overlay_ = valid_ = true;
}

void Merged::seek_from(std::string_view key) {
  table_->lower_bound(as_bytes(key));
  over_ = map_.lower_bound(key);
  settle_forward();
}

void Merged::next() {
  if (on_table_) table_->next();
  if (on_overlay_) ++over_;
  settle_forward();
}

void Merged::settle_forward() {
  for (;; ++over_) {
    valid_ = on_table_ = on_overlay_ = false;
    const OverlayPut* put = nullptr;
    while (over_ != map_.end() && (put = Overlay::visible(over_->second, limit_)) == nullptr)
      ++over_;
    if (put == nullptr) {
      if (table_->valid()) take_table();
      return;
    }
    int order = table_->valid() ? as_text(table_->key()).compare(over_->first) : 1;
    if (order < 0) return take_table();
    if (!put->erase) {
      take_overlay(put);
      on_table_ = order == 0;
      return;
    }
    if (order == 0) table_->next();
  }
}

void Merged::seek_below(std::string_view key) {
  table_->lower_bound(as_bytes(key));
  table_->valid() ? table_->prev() : table_->last();
  over_ = map_.lower_bound(key);
  settle_backward();
}

void Merged::prev() {
  if (on_table_) table_->prev();
  settle_backward();
}

// over_ stands one behind the entry that is looked at next; what was taken has been stepped over
// already.
void Merged::settle_backward() {
  for (;;) {
    valid_ = on_table_ = on_overlay_ = false;
    const OverlayPut* put = nullptr;
    auto at = over_;
    while (at != map_.begin()) {
      --at;
      put = Overlay::visible(at->second, limit_);
      if (put != nullptr) break;
      over_ = at;
    }
    if (put == nullptr) {
      if (table_->valid()) take_table();
      return;
    }
    int order = table_->valid() ? as_text(table_->key()).compare(at->first) : -1;
    if (order > 0) return take_table();
    over_ = at;
    if (!put->erase) {
      take_overlay(put);
      on_table_ = order == 0;
      return;
    }
    if (order == 0) table_->prev();
  }
}

}  // namespace kubus::store
