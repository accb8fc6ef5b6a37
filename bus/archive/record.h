// A record: what is kept of one change, in the store's tables and in archives. Layouts in
// services/store/FORMAT.md. Numbers are little-endian.
//
// The versions of an object stand in groups of up to kGroup: the first is kept whole, the others
// may be kept as deltas, each against its base, an older one of its group: the version at its place
// with the lowest digit, of base 4, that is not 0 cleared. So a version is four steps from a whole
// one at most, and most are near their base. From the base's event and the delta the event comes
// back byte for byte, so that a digest over it stays true. Where a version stands is decided when
// it is written; whether it is a delta is only its form, which may change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/archive/chain.h"
#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/ids.h"

namespace kubus::archive {

struct RecordHeader {
  static constexpr uint8_t kFull = 1, kPurged = 3, kDelta = 4;  // format
  static constexpr uint8_t kEarlyDelta = 2;  // as tables of format 2 have it; read, never written
  static constexpr uint8_t kDeleted = 2;     // type: wire::EventType
  static constexpr uint8_t kMarkResource = 1, kMarkNamespace = 2, kMarkNode = 4;  // marks
  static constexpr uint8_t kSecret = 1;                                           // flags
  uint8_t format = kFull;
  uint8_t type = 0;
  uint16_t kind = 0;
  uint32_t event_size = 0;  // of the whole event
  uint64_t base = 0;        // the revision of the base; 0: the first of a group
  uint64_t oid = 0;
  uint8_t marks = 0;
  uint8_t flags = 0;
  uint16_t place = 0;  // in its group
  uint32_t notices = 0;
};
static_assert(sizeof(RecordHeader) == 32);

inline constexpr uint16_t kGroup = 256;
inline constexpr size_t kMostSteps = 4;
// The place of the base of what stands there. place > 0.
uint16_t base_place(uint16_t place);
// Whether something may hang on what stands there.
inline bool may_carry(uint16_t place) {
  return place % 4 == 0;
}

// A node that hears of the change without being given it.
struct NoticeEntry {
  uint64_t previous = 0;  // in that node's lane
  bool mark = false;
  std::string_view node;
};

struct Record {
  RecordHeader header;
  ByteView event;    // the wire::Event; empty in deltas
  ByteView delta;    // deltas only
  ByteView digest;   // purged only: of the event as it was published
  ByteView notices;  // encoded, sorted by node
  // An early delta: header.format says kDelta, but its base is always a whole one, and its place
  // counts what hangs on that.
  bool early = false;

  std::vector<NoticeEntry> all_notices() const;
  std::optional<NoticeEntry> notice(std::string_view node) const;
};

// nullopt: no record of a format that we know, or one that is cut short, in its notices too. The
// event is not verified.
std::optional<Record> decode_record(ByteView value);
void encode_notice(std::string* to, const NoticeEntry& notice);
size_t padded_record(size_t bytes);  // up to the next multiple of 8

// A full record's bytes, or with `digest` a purged one's. The header's format and size are set
// here; where it stands stays.
std::string encode_record(RecordHeader header, ByteView event, ByteView notices,
                          const Digest* digest = nullptr);

// The whole record `full`, which has a base, as a delta on it. nullopt: that does not pay.
std::optional<std::string> encode_delta(const Record& full, ByteView base_event);
// The event of a delta; nullopt: it does not fit to this base. Any thread.
std::optional<Buffer> decode_delta(const Record& delta, ByteView base_event);

// What the chain covers of a record whose event this is.
Digest event_digest(const Record& record, ByteView event);

}  // namespace kubus::archive
