#include "bus/archive/record.h"

#include <zstd.h>

#include <cstring>
#include <memory>
#include <utility>

#include "schemas/lib/base/check.h"

namespace kubus::archive {
namespace {

// Below this part of the event's size a delta pays.
constexpr size_t kPaysOf = 4, kPays = 3;
constexpr size_t kMostEvent = 4 << 20;
// An event and its base are small and much alike: small tables are filled faster, and short matches
// count. Measured on changes of a Pod's status, against levels 1 to 19.
constexpr std::pair<ZSTD_cParameter, int> kParameters[] = {
    {ZSTD_c_contentSizeFlag, 0}, {ZSTD_c_strategy, ZSTD_lazy}, {ZSTD_c_hashLog, 12},
    {ZSTD_c_chainLog, 12},       {ZSTD_c_searchLog, 4},        {ZSTD_c_minMatch, 3}};

template <class T>
T read_raw(ByteView from, size_t offset) {
  T v;
  KUBUS_CHECK(offset + sizeof(T) <= from.size());
  std::memcpy(&v, from.data() + offset, sizeof(T));
  return v;
}
template <class T>
void append_raw(std::string* to, const T& v) {
  to->append(reinterpret_cast<const char*>(&v), sizeof(v));
}
void append_number(std::string* to, uint64_t n) {
  for (; n >= 0x80; n >>= 7) to->push_back(static_cast<char>(n | 0x80));
  to->push_back(static_cast<char>(n));
}
// Reads a number and moves on; nullopt: there is none.
std::optional<uint64_t> take_number(ByteView* from) {
  uint64_t n = 0;
  for (unsigned shift = 0; shift < 64 && !from->empty(); shift += 7) {
    uint8_t byte = from->front();
    *from = from->subspan(1);
    n |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return n;
  }
  return std::nullopt;
}
void append_padded(std::string* to, ByteView bytes) {
  to->append(as_text(bytes));
  to->resize(padded_record(to->size()), '\0');
}

struct FreeContext {
  void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
  void operator()(ZSTD_DCtx* c) const { ZSTD_freeDCtx(c); }
};
// Contexts hold tables of some 100 KB; each thread that compresses keeps one.
ZSTD_CCtx* compressor() {
  thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context;
  if (!context) {
    context.reset(ZSTD_createCCtx());
    for (auto [parameter, value] : kParameters)
      ZSTD_CCtx_setParameter(context.get(), parameter, value);
  }
  return context.get();
}
ZSTD_DCtx* decompressor() {
  thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

// Bytes that full records and deltas have at the same places.
constexpr size_t kDeltaHead = 8;
// Of a notice: previous in the lane, mark, length of the node's name, which follows.
constexpr size_t kNoticeHead = 10;

// Of so many notices, without what fills up the record behind them; nullopt: they are cut.
std::optional<size_t> size_of_notices(ByteView bytes, uint32_t count) {
  size_t at = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (at + kNoticeHead > bytes.size()) return std::nullopt;
    at += kNoticeHead + bytes[at + kNoticeHead - 1];
  }
  return at <= bytes.size() ? std::optional(at) : std::nullopt;
}

std::optional<Record> decode_delta_record(ByteView value) {
  if (value.size() < kDeltaHead) return std::nullopt;
  Record record;
  RecordHeader& header = record.header;
  header.format = value[0];
  header.type = value[1];
  header.kind = read_raw<uint16_t>(value, 2);
  header.marks = value[4];
  header.flags = value[5];
  header.place = read_raw<uint16_t>(value, 6);
  ByteView rest = value.subspan(kDeltaHead);
  auto size = take_number(&rest), base = take_number(&rest), age = take_number(&rest),
       notices = take_number(&rest), frame = take_number(&rest);
  bool sound = size && *size <= kMostEvent && base && age && *age <= *base && notices &&
               *notices <= value.size() && frame && *frame <= rest.size();
  if (!sound) return std::nullopt;
  header.event_size = static_cast<uint32_t>(*size);
  header.base = *base;
  header.oid = *base - *age;
  header.notices = static_cast<uint32_t>(*notices);
  record.delta = rest.first(*frame);
  record.notices = rest.subspan(*frame);
  return record;
}

// Those with the whole header in front.
std::optional<Record> decode_plain_record(ByteView value) {
  Record record;
  if (value.size() < sizeof(RecordHeader)) return std::nullopt;
  RecordHeader& header = record.header = read_raw<RecordHeader>(value, 0);
  ByteView rest = value.subspan(sizeof(RecordHeader));
  auto take = [&rest](size_t bytes, size_t padded) {
    std::optional<ByteView> taken;
    if (padded > rest.size()) return taken;
    taken = rest.first(bytes);
    rest = rest.subspan(padded);
    return taken;
  };
  if (header.format == RecordHeader::kEarlyDelta) {
    record.early = true;
    header.format = RecordHeader::kDelta;
    auto size = take(sizeof(uint32_t), sizeof(uint32_t));
    size_t bytes = size ? read_raw<uint32_t>(*size, 0) : 0;
    auto frame = size ? take(bytes, padded_record(bytes + sizeof(uint32_t)) - sizeof(uint32_t))
                      : std::nullopt;
    if (!frame || header.event_size > kMostEvent) return std::nullopt;
    record.delta = *frame;
  } else if (header.format == RecordHeader::kFull || header.format == RecordHeader::kPurged) {
    size_t digest_size = header.format == RecordHeader::kPurged ? sizeof(Digest) : 0;
    auto digest = take(digest_size, digest_size);
    auto event = digest ? take(header.event_size, padded_record(header.event_size)) : std::nullopt;
    if (!event) return std::nullopt;
    record.digest = *digest;
    record.event = *event;
  } else {
    return std::nullopt;
  }
  record.notices = rest;
  return record;
}

}  // namespace

uint16_t base_place(uint16_t place) {
  KUBUS_CHECK(place > 0);
  uint16_t digit = 3;
  while ((place & digit) == 0) digit = static_cast<uint16_t>(digit << 2);
  return static_cast<uint16_t>(place & ~digit);
}

size_t padded_record(size_t bytes) {
  return (bytes + 7) & ~size_t{7};
}

std::optional<Record> decode_record(ByteView value) {
  auto record = value.empty()                      ? std::nullopt
                : value[0] == RecordHeader::kDelta ? decode_delta_record(value)
                                                   : decode_plain_record(value);
  auto notices = record ? size_of_notices(record->notices, record->header.notices) : std::nullopt;
  if (!notices) return std::nullopt;
  record->notices = record->notices.first(*notices);
  return record;
}

std::string encode_record(RecordHeader header, ByteView event, ByteView notices,
                          const Digest* digest) {
  header.format = digest ? RecordHeader::kPurged : RecordHeader::kFull;
  header.event_size = static_cast<uint32_t>(event.size());
  std::string out;
  append_raw(&out, header);
  if (digest) append_raw(&out, *digest);
  append_padded(&out, event);
  append_padded(&out, notices);
  return out;
}

std::optional<std::string> encode_delta(const Record& full, ByteView base_event) {
  KUBUS_CHECK(full.header.format == RecordHeader::kFull && full.header.base != 0);
  ZSTD_CCtx* context = compressor();
  std::string frame(ZSTD_compressBound(full.event.size()), '\0');
  ZSTD_CCtx_refPrefix(context, base_event.data(), base_event.size());
  size_t size =
      ZSTD_compress2(context, frame.data(), frame.size(), full.event.data(), full.event.size());
  if (ZSTD_isError(size) || size * kPaysOf > full.event.size() * kPays) return std::nullopt;
  const RecordHeader& header = full.header;
  std::string out;
  out.push_back(static_cast<char>(RecordHeader::kDelta));
  out.push_back(static_cast<char>(header.type));
  append_raw(&out, header.kind);
  out.push_back(static_cast<char>(header.marks));
  out.push_back(static_cast<char>(header.flags));
  append_raw(&out, header.place);
  append_number(&out, header.event_size);
  append_number(&out, header.base);
  append_number(&out, header.base - header.oid);
  append_number(&out, header.notices);
  append_number(&out, size);
  out.append(frame, 0, size);
  out.append(as_text(full.notices));
  // Whole records that lie in the same page of the tables begin where their scalars are aligned.
  out.resize(padded_record(out.size()), '\0');
  return out;
}

std::optional<Buffer> decode_delta(const Record& delta, ByteView base_event) {
  Buffer event(delta.header.event_size);
  ZSTD_DCtx* context = decompressor();
  ZSTD_DCtx_refPrefix(context, base_event.data(), base_event.size());
  size_t size = ZSTD_decompressDCtx(context, event.data(), event.size(), delta.delta.data(),
                                    delta.delta.size());
  if (ZSTD_isError(size) || size != event.size()) return std::nullopt;
  return event;
}

Digest event_digest(const Record& record, ByteView event) {
  if (record.header.format != RecordHeader::kPurged) return digest_of(event);
  Digest kept;
  std::memcpy(kept.data(), record.digest.data(), sizeof(kept));
  return kept;
}

void encode_notice(std::string* to, const NoticeEntry& notice) {
  append_raw(to, notice.previous);
  to->push_back(notice.mark ? 1 : 0);
  to->push_back(static_cast<char>(notice.node.size()));
  to->append(notice.node);
}

std::vector<NoticeEntry> Record::all_notices() const {
  std::vector<NoticeEntry> all;
  size_t at = 0;
  for (uint32_t i = 0; i < header.notices; ++i) {
    KUBUS_CHECK(at + kNoticeHead <= notices.size());
    size_t size = notices[at + kNoticeHead - 1];
    KUBUS_CHECK(at + kNoticeHead + size <= notices.size());
    all.push_back({read_raw<uint64_t>(notices, at), notices[at + sizeof(uint64_t)] != 0,
                   as_text(notices.subspan(at + kNoticeHead, size))});
    at += kNoticeHead + size;
  }
  return all;
}

std::optional<NoticeEntry> Record::notice(std::string_view node) const {
  for (const NoticeEntry& entry : all_notices()) {
    if (entry.node == node) return entry;
  }
  return std::nullopt;
}

}  // namespace kubus::archive
