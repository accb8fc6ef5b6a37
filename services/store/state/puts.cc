#include "services/store/state/puts.h"

#include <algorithm>

namespace kubus::store {
namespace {

constexpr size_t kChunk = 1 << 20;

bool before(const Put& a, const Put& b) {
  return a.space != b.space ? a.space < b.space : as_text(a.key) < as_text(b.key);
}

}  // namespace

void Puts::add(Keyspace space, std::string_view key, ByteView value) {
  uint8_t* at = take(key.size() + value.size());
  std::copy(key.begin(), key.end(), at);
  std::copy(value.begin(), value.end(), at + key.size());
  puts_.push_back({space, false, {at, key.size()}, {at + key.size(), value.size()}});
  bytes_ += key.size() + value.size();
}

uint8_t* Puts::take(size_t size) {
  if (size > room_ - used_) {
    room_ = std::max(kChunk, size);
    used_ = 0;
    chunks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(room_));
  }
  uint8_t* at = chunks_.back().get() + used_;
  used_ += size;
  return at;
}

std::span<const Put> Puts::sorted() {
  if (!std::is_sorted(puts_.begin(), puts_.end(), before))
    std::stable_sort(puts_.begin(), puts_.end(), before);
  return puts_;
}

void Puts::clear() {
  puts_.clear();
  chunks_.clear();
  used_ = room_ = bytes_ = 0;
}

}  // namespace kubus::store
