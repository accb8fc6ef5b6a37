// A record: what is kept of one change, in the store's tables and in archives. Layouts in
// services/store/FORMAT.md. Numbers are little-endian.
//
// A version of an object that is not the latest may be kept as a delta against an older version,
// its base, which is kept whole. From the base's event and the delta the event comes back byte for
// byte, so that a digest over it stays true.
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
  static constexpr uint8_t kFull = 1, kDelta = 2, kPurged = 3;                    // format
  static constexpr uint8_t kMarkResource = 1, kMarkNamespace = 2, kMarkNode = 4;  // marks
  static constexpr uint8_t kSecret = 1;                                           // flags
  uint8_t format = kFull;
  uint8_t type = 0;
  uint16_t kind = 0;
  uint32_t event_size = 0;  // of the whole event
  uint64_t base = 0;        // deltas: the revision of the base; else 0
  uint64_t oid = 0;
  uint8_t marks = 0;
  uint8_t flags = 0;
  uint16_t place = 0;  // deltas: the how manieth of its base, from 1; else 0
  uint32_t notices = 0;
};
static_assert(sizeof(RecordHeader) == 32);

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

  std::vector<NoticeEntry> all_notices() const;
  std::optional<NoticeEntry> notice(std::string_view node) const;
};

// nullopt: no record of a format that we know, or one that is cut short. The event is not verified.
std::optional<Record> decode_record(ByteView value);
void encode_notice(std::string* to, const NoticeEntry& notice);
size_t padded_record(size_t bytes);  // up to the next multiple of 8

// A full record's bytes, or with `digest` a purged one's. The header's format and size are set
// here.
std::string encode_record(RecordHeader header, ByteView event, ByteView notices,
                          const Digest* digest = nullptr);

// The whole record `full` as a delta on `base`, which stands at revision `base_revision`. nullopt:
// that does not pay.
std::optional<std::string> encode_delta(const Record& full, ByteView base_event,
                                        Revision base_revision, uint16_t place);
// The event of a delta; nullopt: it does not fit to this base. Any thread.
std::optional<Buffer> decode_delta(const Record& delta, ByteView base_event);

// What the chain covers of a record whose event this is.
Digest event_digest(const Record& record, ByteView event);

}  // namespace kubus::archive
