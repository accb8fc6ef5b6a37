// Keys and values of the tables, as FORMAT.md lays them out. Numbers in keys are big-endian, so
// that bytes sort as they do; in values little-endian.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/archive/record.h"
#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/ids.h"
#include "services/store/journal/journal.h"
#include "services/store/state/view.h"

namespace kubus::store {

inline constexpr uint32_t kStateFormat = 3;

// ---- keys ----
void put_u16(std::string* key, uint16_t v);
void put_u64(std::string* key, uint64_t v);
uint64_t read_u64(ByteView key, size_t offset);
uint16_t read_u16(ByteView key, size_t offset);

std::string revision_key(Revision revision);
std::string history_key(uint64_t oid, Revision revision);
std::string latest_key(uint64_t oid);
std::string object_key(uint16_t kind, std::string_view ns, std::string_view name);
// Everything of a kind (in a namespace) starts with it.
std::string object_prefix(uint16_t kind, const std::optional<std::string>& ns);
View::Name decode_object_key(std::string_view key);

// ---- live and dead entries ----
struct ObjectEntry {
  static constexpr uint8_t kHasTerms = 1, kAged = 2;
  uint64_t revision = 0;  // of the last change
  uint64_t created = 0;   // live: of this life; dead: 0
  uint64_t oid = 0;       // the name's number: the revision that first created it
  uint8_t flags = 0;      // live only
};
std::string encode(const ObjectEntry& entry);
ObjectEntry decode_entry(ByteView value);

// ---- lanes ----
struct LaneEntry {
  uint64_t revision = 0;  // head
  uint64_t events = 0;    // ever
  uint64_t live = 0;      // objects (resource and namespace lanes)
};
inline constexpr uint64_t kMarkEvery = 512;  // events of a lane between two marks
std::string resource_lane(uint16_t kind);
std::string namespace_lane(uint16_t kind, std::string_view ns);
std::string node_lane(std::string_view node);
Lane lane_of_key(std::string_view key);
std::string mark_key(std::string_view lane, Revision revision);
std::string encode(const LaneEntry& entry);
LaneEntry decode_lane(ByteView value);

// ---- journal records ----
using archive::decode_record;
using archive::encode_notice;
using archive::NoticeEntry;
using archive::Record;
using archive::RecordHeader;

// ---- index ----
std::string owner_prefix(std::string_view owner_uid);
std::string node_prefix(std::string_view node);
std::string reference_prefix(std::string_view object_key);
std::string reference_prefix(std::string_view object_key, std::string_view node);
std::string age_prefix(uint16_t kind);
// What the change at `cause` led to: keys of this prefix with the effect's revision behind.
std::string cause_prefix(uint64_t cause);
std::string cause_key(uint64_t cause, uint64_t effect);
std::string terms_key(uint64_t oid);
std::string with_u64(std::string prefix, uint64_t v);
// The index keys (without the object's number behind) that an object has, as one value.
std::string encode_terms(const std::vector<std::string>& terms);
std::vector<std::string> decode_terms(ByteView value);

// ---- meta ----
struct Applied {
  uint64_t revision = 0;
  int64_t time_ns = 0;
  Chain chain{};
};
std::string encode(const Applied& applied);
Applied decode_applied(ByteView value);

inline constexpr std::string_view kMetaFormat = "format", kMetaCluster = "cluster",
                                  kMetaApplied = "applied", kMetaCompacted = "compacted",
                                  kMetaCausesFrom = "causes-from", kMetaNote = "note/";

}  // namespace kubus::store
