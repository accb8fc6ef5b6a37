#include "bus/archive/file/entries.h"

#include <cstring>

namespace kubus::archive {
namespace {

struct EntryHeader {
  uint64_t revision = 0;
  uint32_t record_size = 0, secret_size = 0;
  uint8_t what = 0;
  uint8_t zero[7] = {};
};
static_assert(sizeof(EntryHeader) == 24);

size_t padded(size_t n) {
  return (n + 7) & ~size_t{7};
}

void append_padded(Buffer* to, ByteView bytes) {
  to->insert(to->end(), bytes.begin(), bytes.end());
  to->resize(padded(to->size()));
}

}  // namespace

size_t entry_size(const Entry& entry) {
  return sizeof(EntryHeader) + padded(entry.record.size()) + padded(entry.secret.size());
}

void append_entry(Buffer* to, const Entry& entry) {
  EntryHeader header{entry.revision, static_cast<uint32_t>(entry.record.size()),
                     static_cast<uint32_t>(entry.secret.size()), static_cast<uint8_t>(entry.what)};
  const auto* raw = reinterpret_cast<const uint8_t*>(&header);
  to->insert(to->end(), raw, raw + sizeof(header));
  append_padded(to, entry.record);
  append_padded(to, entry.secret);
}

std::optional<Entry> Entries::next() {
  if (rest_.empty() || bad_) return std::nullopt;
  bad_ = true;
  EntryHeader header;
  if (rest_.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, rest_.data(), sizeof(header));
  size_t record = padded(header.record_size), secret = padded(header.secret_size);
  if (header.what > 2 || header.revision == 0 || header.record_size == 0 ||
      rest_.size() < sizeof(header) + record + secret)
    return std::nullopt;
  bad_ = false;
  Entry out{header.revision, rest_.subspan(sizeof(header), header.record_size),
            static_cast<Entry::Secret>(header.what),
            rest_.subspan(sizeof(header) + record, header.secret_size)};
  rest_ = rest_.subspan(sizeof(header) + record + secret);
  return out;
}

}  // namespace kubus::archive
