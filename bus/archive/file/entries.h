// Records on their way: what a page of the verb Archive and a block of an archive file consist of
// (FORMAT.md).
#pragma once

#include <cstdint>
#include <optional>

#include "schemas/lib/base/bytes.h"

namespace kubus::archive {

struct Entry {
  enum class Secret : uint8_t {
    kNone,
    kBody,    // of a confidential kind's object, as it is kept
    kDigest,  // the body is left out; this stands for it in the chain
  };
  uint64_t revision = 0;
  ByteView record;
  Secret what = Secret::kNone;
  ByteView secret;
};

size_t entry_size(const Entry& entry);
void append_entry(Buffer* to, const Entry& entry);

// Walks entries. What next() returns lies in the bytes given; records are aligned to 8 if these
// are.
class Entries {
 public:
  explicit Entries(ByteView bytes) : rest_(bytes), size_(bytes.size()) {}
  // nullopt: the end, or something malformed; then bad() is true.
  std::optional<Entry> next();
  bool bad() const { return bad_; }
  size_t offset() const { return size_ - rest_.size(); }

 private:
  ByteView rest_;
  size_t size_;
  bool bad_ = false;
};

}  // namespace kubus::archive
