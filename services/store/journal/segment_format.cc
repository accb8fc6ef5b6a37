#include "services/store/journal/segment_format.h"

#include <cstring>

#include "services/store/journal/crc32c.h"

namespace kubus::store {
namespace {

constexpr uint64_t kSegmentMagic = 0x00314a535542554b;  // "KUBUSJ1"
constexpr uint32_t kFrameMagic = 0x4d41524b;            // "KRAM"

// The head of the header block.
struct Block {
  uint64_t magic = kSegmentMagic;
  uint32_t format = kSegmentFormat;
  uint32_t crc = 0;  // of what follows
  uint64_t id = 0, first = 0;
};

template <class T>
ByteView raw(const T& value, size_t skip = 0) {
  return {reinterpret_cast<const uint8_t*>(&value) + skip, sizeof(T) - skip};
}

uint32_t block_crc(const Block& block) {
  return crc32c(0, raw(block, offsetof(Block, id)));
}

uint32_t frame_crc(uint64_t id, const FrameHeader& header) {
  return crc32c(crc32c(0, raw(id)), raw(header, offsetof(FrameHeader, length)));
}

}  // namespace

Buffer encode_segment_header(const SegmentHeader& header) {
  Block block;
  block.id = header.id;
  block.first = header.first.value();
  block.crc = block_crc(block);
  Buffer bytes(kSegmentHeader);
  std::memcpy(bytes.data(), &block, sizeof(block));
  return bytes;
}

Result<SegmentHeader> decode_segment_header(ByteView bytes) {
  Block block;
  if (bytes.size() < kSegmentHeader) return Error(Code::kInvalid, "is shorter than its header");
  std::memcpy(&block, bytes.data(), sizeof(block));
  if (block.magic != kSegmentMagic)
    return Error(Code::kInvalid, "has no segment header at offset 0");
  if (block.format > kSegmentFormat) {
    return Error(Code::kInvalid, "has format " + std::to_string(block.format) +
                                     ", this program knows up to " +
                                     std::to_string(kSegmentFormat));
  }
  if (block.crc != block_crc(block))
    return Error(Code::kInvalid, "has a damaged header at offset 0");
  return SegmentHeader{block.id, Revision(block.first)};
}

void seal_frame(uint64_t segment_id, const JournalEntry& entry, const Chain& chain,
                FrameHeader* header) {
  header->magic = kFrameMagic;
  uint32_t crc = frame_crc(segment_id, *header);
  for (const Payload& part : entry.parts) crc = crc32c(crc, part.view());
  header->crc = crc32c(crc, chain);
}

std::optional<Frame> read_frame(ByteView file, uint64_t segment_id, size_t offset) {
  Frame frame;
  if (offset + sizeof(FrameHeader) > file.size()) return std::nullopt;
  std::memcpy(&frame.header, file.data() + offset, sizeof(FrameHeader));
  const FrameHeader& h = frame.header;
  if (h.magic != kFrameMagic || h.length > file.size()) return std::nullopt;
  if (offset + frame_size(h.length) > file.size()) return std::nullopt;
  frame.body = file.subspan(offset + sizeof(FrameHeader), h.length);
  std::memcpy(frame.chain.data(), frame.body.data() + padded(h.length), sizeof(Chain));
  frame.end = offset + frame_size(h.length);
  uint32_t crc = crc32c(crc32c(frame_crc(segment_id, h), frame.body), frame.chain);
  if (crc != h.crc || h.last < h.first) return std::nullopt;
  return frame;
}

std::optional<Frame> find_frame(ByteView file, uint64_t segment_id, size_t offset) {
  for (size_t at = padded(offset + 1); at + sizeof(FrameHeader) <= file.size(); at += 8) {
    uint32_t magic;
    std::memcpy(&magic, file.data() + at, sizeof(magic));
    if (magic != kFrameMagic) continue;
    if (auto frame = read_frame(file, segment_id, at)) return frame;
  }
  return std::nullopt;
}

}  // namespace kubus::store
