#include "services/store/state/overlay.h"

#include <algorithm>

#include "schemas/lib/base/check.h"

namespace kubus::store {
namespace {

constexpr size_t kChunk = 256 << 10;
constexpr size_t pad(size_t n) {
  return (n + 7) & ~size_t{7};
}

}  // namespace

uint8_t* Arena::allocate(size_t size) {
  size = pad(size);
  if (chunks_.empty() || chunks_.back().used + size > chunks_.back().size) {
    size_t bytes = std::max(size, chunks_.empty() ? kChunk / 16 : kChunk);
    chunks_.push_back({std::make_unique_for_overwrite<uint64_t[]>(bytes / 8), 0, bytes});
  }
  Chunk& chunk = chunks_.back();
  uint8_t* at = reinterpret_cast<uint8_t*>(chunk.words.get()) + chunk.used;
  chunk.used += size;
  return at;
}

size_t Arena::bytes() const {
  size_t sum = 0;
  for (const Chunk& chunk : chunks_) sum += chunk.used;
  return sum;
}

void Arena::truncate(Mark to) {
  chunks_.resize(to.chunks);
  if (!chunks_.empty()) chunks_.back().used = to.used;
}

std::vector<ByteView> Arena::parts() const {
  std::vector<ByteView> parts;
  for (const Chunk& c : chunks_)
    parts.emplace_back(reinterpret_cast<const uint8_t*>(c.words.get()), c.used);
  return parts;
}

OverlayPut Overlay::encode(Arena* arena, Keyspace space, bool erase, std::string_view key,
                           size_t value_size, uint8_t** value) {
  PutHeader header{static_cast<uint8_t>(space), erase, static_cast<uint16_t>(key.size()),
                   static_cast<uint32_t>(value_size)};
  size_t key_space = pad(key.size()), value_space = pad(value_size);
  uint8_t* at = arena->allocate(sizeof(header) + key_space + value_space);
  std::memcpy(at, &header, sizeof(header));
  uint8_t* key_at = at + sizeof(header);
  std::memset(key_at, 0, key_space);
  std::memcpy(key_at, key.data(), key.size());
  *value = key_at + key_space;
  std::memset(*value + value_size, 0, value_space - value_size);
  OverlayPut put;
  put.space = space;
  put.erase = erase;
  put.key = {key_at, key.size()};
  put.value = {*value, value_size};
  return put;
}

bool Overlay::decode(ByteView bytes, std::vector<OverlayPut>* puts) {
  while (!bytes.empty()) {
    PutHeader header;
    if (bytes.size() < sizeof(header)) return false;
    std::memcpy(&header, bytes.data(), sizeof(header));
    size_t key_space = pad(header.key_size), value_space = pad(header.value_size);
    if (header.space >= kKeyspaces || header.erase > 1 || header.key_size == 0 ||
        header.key_size > kMaxKey) {
      return false;
    }
    if (bytes.size() < sizeof(header) + key_space + value_space) return false;
    OverlayPut& put = puts->emplace_back();
    put.space = static_cast<Keyspace>(header.space);
    put.erase = header.erase != 0;
    put.key = bytes.subspan(sizeof(header), header.key_size);
    put.value = bytes.subspan(sizeof(header) + key_space, header.value_size);
    bytes = bytes.subspan(sizeof(header) + key_space + value_space);
  }
  return true;
}

void Overlay::add(Batch* batch, OverlayPut put) {
  OverlayMap& map = maps_[static_cast<size_t>(put.space)];
  std::string_view key = as_text(put.key);
  auto at = map.lower_bound(key);
  if (at == map.end() || at->first != key)
    at = map.emplace_hint(at, std::string(key), OverlayNode());
  put.batch = batch;
  put.below = at->second.top;
  put.node = at;
  batch->puts.push_back(put);
  at->second.top = &batch->puts.back();
}

void Overlay::undo(Batch* batch, size_t keep) {
  while (batch->puts.size() > keep) {
    OverlayPut& put = batch->puts.back();
    KUBUS_CHECK(put.node->second.top == &put);
    put.node->second.top = put.below;
    if (put.below == nullptr) maps_[static_cast<size_t>(put.space)].erase(put.node);
    batch->puts.pop_back();
  }
}

void Overlay::drop(std::span<const std::shared_ptr<Batch>> batches) {
  if (batches.empty()) return;
  uint64_t up_to = batches.back()->number;
  std::vector<std::pair<OverlayMap*, OverlayMap::iterator>> empty;
  for (const auto& batch : batches) {
    for (OverlayPut& put : batch->puts) {
      OverlayNode& node = put.node->second;
      if (node.trimmed >= up_to) continue;
      node.trimmed = up_to;
      OverlayPut** link = &node.top;
      while (*link != nullptr && (*link)->batch->number > up_to) link = &(*link)->below;
      *link = nullptr;
      if (node.top == nullptr) empty.emplace_back(&maps_[static_cast<size_t>(put.space)], put.node);
    }
  }
  for (auto& [map, node] : empty) map->erase(node);  // only now: several puts may share a node
}

const OverlayPut* Overlay::visible(const OverlayNode& node, uint64_t limit) {
  const OverlayPut* put = node.top;
  while (put != nullptr && put->batch->number > limit) put = put->below;
  return put;
}

const OverlayPut* Overlay::find(Keyspace space, std::string_view key, uint64_t limit) const {
  const OverlayMap& m = map(space);
  auto at = m.find(key);
  return at == m.end() ? nullptr : visible(at->second, limit);
}

}  // namespace kubus::store
