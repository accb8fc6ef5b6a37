// Bytes of a segment file: a header block, then frames, one for each batch. All numbers
// little-endian.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"
#include "services/store/journal/journal.h"

namespace kubus::store {

inline constexpr uint32_t kSegmentFormat = 1;
inline constexpr size_t kSegmentHeader = 4096;

struct SegmentHeader {
  uint64_t id = 0;  // never used twice in a directory: seeds the checksums, so stale bytes are
                    // never taken for frames
  Revision first;   // of its first frame
};
Buffer encode_segment_header(const SegmentHeader& header);  // kSegmentHeader bytes
// kInvalid: no header, or a format newer than ours; the message lacks the file's name.
Result<SegmentHeader> decode_segment_header(ByteView bytes);

// Before the body. The body is padded to 8 bytes and followed by the chain (32 bytes).
struct FrameHeader {
  uint32_t magic = 0;
  uint32_t crc = 0;     // of all that follows, seeded by the segment's id
  uint64_t length = 0;  // of the body
  uint64_t first = 0, last = 0;
  int64_t time_ns = 0;
  uint64_t synced =
      0;  // offset in this file up to which everything was durable before this frame was written
};
static_assert(sizeof(FrameHeader) == 48);

constexpr size_t padded(size_t n) {
  return (n + 7) & ~size_t{7};
}
constexpr size_t frame_size(size_t body) {
  return sizeof(FrameHeader) + padded(body) + sizeof(Chain);
}

// Fills magic and crc.
void seal_frame(uint64_t segment_id, const JournalEntry& entry, const Chain& chain,
                FrameHeader* header);

struct Frame {
  FrameHeader header;
  ByteView body;
  Chain chain{};
  size_t end = 0;  // offset behind it
};
// The frame at `offset` of a whole file; nullopt: there is no sound one.
std::optional<Frame> read_frame(ByteView file, uint64_t segment_id, size_t offset);
// The first sound frame behind `offset`.
std::optional<Frame> find_frame(ByteView file, uint64_t segment_id, size_t offset);

}  // namespace kubus::store
