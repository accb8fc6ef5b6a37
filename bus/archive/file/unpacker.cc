#include "bus/archive/file/unpacker.h"

#include <utility>

namespace kubus::archive {
namespace {

constexpr uint32_t kMostEvent = 4 << 20;

}  // namespace

std::optional<ByteView> Unpacker::take(uint64_t revision, const Record& record) {
  return take(revision, record, &made_);
}

std::optional<ByteView> Unpacker::take(uint64_t revision, const Record& record, Buffer* made) {
  const RecordHeader& header = record.header;
  if (header.event_size > kMostEvent) return std::nullopt;
  std::vector<Base>& bases = bases_[header.oid];
  while (!bases.empty() && bases.back().revision > header.base) bases.pop_back();
  ByteView event = record.event;
  if (header.format == RecordHeader::kDelta) {
    if (bases.empty() || bases.back().revision != header.base) return std::nullopt;
    auto unpacked = decode_delta(record, bases.back().event);
    if (!unpacked) return std::nullopt;
    *made = *std::move(unpacked);
    event = *made;
  }
  // What comes back under the name hangs on nothing of this life.
  if (header.type == RecordHeader::kDeleted) {
    bases_.erase(header.oid);
  } else if (may_carry(header.place) && bases.size() <= kMostSteps) {
    bases.push_back({revision, Buffer(event.begin(), event.end())});
  }
  return event;
}

}  // namespace kubus::archive
