#include "bus/stream/spdy.h"

#include <algorithm>
#include <set>

#include "bus/stream/spdy_headers.h"

namespace kubus::stream {
namespace {

constexpr uint16_t kVersion = 3;
constexpr uint16_t kSynStream = 1, kSynReply = 2, kRstStream = 3, kPing = 6, kGoAway = 7,
                   kHeaders = 8;
constexpr uint8_t kFin = 1;
constexpr uint32_t kControlBit = 0x8000'0000, kIdMask = 0x7fff'ffff, kCancel = 5;
constexpr size_t kHeadBytes = 8, kMostControlBytes = 64 << 10, kMostDataBytes = 32 << 10;
constexpr size_t kMostStreams = 1024;

void append32(uint32_t n, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) *out += static_cast<char>(n >> shift);
}

uint32_t read32(std::string_view in, size_t at = 0) {
  uint32_t n = 0;
  for (size_t i = 0; i < 4; ++i) n = n << 8 | static_cast<uint8_t>(in[at + i]);
  return n;
}

std::string control_frame(uint16_t type, uint8_t flags, std::string_view payload) {
  std::string out;
  append32(kControlBit | uint32_t{kVersion} << 16 | type, &out);
  append32(uint32_t{flags} << 24 | static_cast<uint32_t>(payload.size()), &out);
  return out.append(payload);
}

std::string data_head(uint32_t id, uint8_t flags, size_t n) {
  std::string out;
  append32(id, &out);
  append32(uint32_t{flags} << 24 | static_cast<uint32_t>(n), &out);
  return out;
}

}  // namespace

struct SpdySession::Impl : std::enable_shared_from_this<Impl> {
  Impl(Side side, Handlers h)
      : handlers(std::move(h)), server(side == Side::kServer), next(server ? 2 : 1) {}

  Status feed(std::string_view bytes) {
    auto keep = shared_from_this();
    while (!over && !bytes.empty()) {
      if (data_left > 0) {
        take_data(&bytes);
        continue;
      }
      size_t want = kHeadBytes;
      if (buffer.size() >= kHeadBytes) want += control_length();
      size_t n = std::min(want - buffer.size(), bytes.size());
      buffer.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
      if (buffer.size() < kHeadBytes) continue;
      if (!(read32(buffer) & kControlBit)) {
        begin_data();
        continue;
      }
      if (control_length() > kMostControlBytes)
        return Error(Code::kBadRequest, "a SPDY frame is too long");
      if (buffer.size() < kHeadBytes + control_length()) continue;
      std::string frame = std::move(buffer);
      buffer.clear();
      if (Status s = on_control(frame); !s) return s;
    }
    return {};
  }

  size_t control_length() const { return read32(buffer, 4) & 0xff'ffff; }

  void begin_data() {
    data_id = read32(buffer) & kIdMask;
    data_left = control_length();
    data_fin = (read32(buffer, 4) >> 24 & kFin) != 0;
    buffer.clear();
    if (data_left == 0 && data_fin) finished(data_id);
  }

  void take_data(std::string_view* bytes) {
    size_t n = std::min(data_left, bytes->size());
    std::string_view part = bytes->substr(0, n);
    bytes->remove_prefix(n);
    data_left -= n;
    if (incoming.count(data_id) && handlers.data) handlers.data(data_id, part);
    if (!over && data_left == 0 && data_fin) finished(data_id);
  }

  void finished(uint32_t id) {
    if (incoming.erase(id) && handlers.finished) handlers.finished(id);
  }

  Status on_control(std::string_view frame) {
    if ((read32(frame) >> 16 & 0x7fff) != kVersion)
      return Error(Code::kBadRequest, "only SPDY/3.1 is spoken here");
    auto type = static_cast<uint16_t>(read32(frame) & 0xffff);
    auto flags = static_cast<uint8_t>(read32(frame, 4) >> 24);
    std::string_view payload = frame.substr(kHeadBytes);
    bool has_id = payload.size() >= 4;
    if (type == kSynStream) return on_open(payload, flags);
    if ((type == kSynReply || type == kHeaders) && has_id) return on_reply(type, payload, flags);
    if (type == kRstStream && has_id) finished(read32(payload) & kIdMask);
    // A ping with our kind of number answers one of ours; there are none.
    if (type == kPing && has_id && (read32(payload) % 2 == 1) == server)
      handlers.send(control_frame(kPing, 0, payload.substr(0, 4)));
    return {};
  }

  Status on_open(std::string_view payload, uint8_t flags) {
    constexpr size_t kFixed = 10;
    if (payload.size() < kFixed) return Error(Code::kBadRequest, "a SPDY frame is too short");
    uint32_t id = read32(payload) & kIdMask;
    auto headers = reader.read(payload.substr(kFixed));
    if (!headers || id == 0 || (id % 2 == 1) != server || incoming.count(id))
      return Error(Code::kBadRequest, "a malformed SPDY stream was opened");
    if (incoming.size() >= kMostStreams) return Error(Code::kBadRequest, "too many SPDY streams");
    incoming.insert(id);
    if (handlers.opened) handlers.opened(id, *headers);
    if (!over && (flags & kFin)) finished(id);
    return {};
  }

  Status on_reply(uint16_t type, std::string_view payload, uint8_t flags) {
    uint32_t id = read32(payload) & kIdMask;
    // Read in any case: the blocks share one context.
    if (!reader.read(payload.substr(4))) return Error(Code::kBadRequest, "malformed SPDY headers");
    if (type == kSynReply && incoming.count(id) && handlers.replied) handlers.replied(id);
    if (!over && (flags & kFin)) finished(id);
    return {};
  }

  Handlers handlers;
  bool server;
  uint32_t next;
  HeaderWriter writer;
  HeaderReader reader;
  std::string buffer;           // of a frame that is not complete
  std::set<uint32_t> incoming;  // streams on which something may still come
  uint32_t data_id = 0;
  size_t data_left = 0;
  bool data_fin = false, over = false;
};

SpdySession::SpdySession(Side side, Handlers handlers)
    : impl_(std::make_shared<Impl>(side, std::move(handlers))) {}

SpdySession::~SpdySession() {
  impl_->over = true;
}

Status SpdySession::feed(std::string_view bytes) {
  auto impl = impl_;
  return impl->feed(bytes);
}

uint32_t SpdySession::open(const Headers& headers, bool finish) {
  uint32_t id = std::exchange(impl_->next, impl_->next + 2);
  impl_->incoming.insert(id);
  std::string payload;
  append32(id, &payload);
  append32(0, &payload);
  payload.append(2, '\0');  // priority, slot
  payload += impl_->writer.write(headers);
  impl_->handlers.send(control_frame(kSynStream, finish ? kFin : 0, payload));
  return id;
}

void SpdySession::reply(uint32_t id) {
  std::string payload;
  append32(id, &payload);
  payload += impl_->writer.write({});
  impl_->handlers.send(control_frame(kSynReply, 0, payload));
}

void SpdySession::send(uint32_t id, std::string_view bytes) {
  while (!bytes.empty()) {
    size_t n = std::min(bytes.size(), kMostDataBytes);
    impl_->handlers.send(data_head(id, 0, n).append(bytes.substr(0, n)));
    bytes.remove_prefix(n);
  }
}

void SpdySession::finish(uint32_t id) {
  impl_->handlers.send(data_head(id, kFin, 0));
}

void SpdySession::reset(uint32_t id) {
  impl_->incoming.erase(id);
  std::string payload;
  append32(id, &payload);
  append32(kCancel, &payload);
  impl_->handlers.send(control_frame(kRstStream, 0, payload));
}

void SpdySession::go_away() {
  std::string payload;
  append32(0, &payload);
  append32(0, &payload);
  impl_->handlers.send(control_frame(kGoAway, 0, payload));
}

}  // namespace kubus::stream
