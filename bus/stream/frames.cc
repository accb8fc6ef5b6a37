#include "bus/stream/frames.h"

namespace kubus::stream {
namespace {

constexpr size_t kNumberBytes = 4, kMostMessage = 4096;
constexpr uint8_t kMostCode = static_cast<uint8_t>(Code::kTimeout);

std::string start(FrameType type) {
  return std::string(1, static_cast<char>(type));
}

void append_number(uint32_t n, std::string* out) {
  for (size_t i = 0; i < kNumberBytes; ++i) *out += static_cast<char>(n >> (8 * i));
}

bool take_number(std::string_view* in, uint32_t* out) {
  if (in->size() < kNumberBytes) return false;
  *out = 0;
  for (size_t i = 0; i < kNumberBytes; ++i)
    *out |= static_cast<uint32_t>(static_cast<uint8_t>((*in)[i])) << (8 * i);
  in->remove_prefix(kNumberBytes);
  return true;
}

bool take_channel(std::string_view* in, Channel* out) {
  if (in->empty() || static_cast<uint8_t>(in->front()) >= kChannels) return false;
  *out = static_cast<Channel>(in->front());
  in->remove_prefix(1);
  return true;
}

bool take_end(std::string_view rest, End* out) {
  if (rest.empty()) return false;
  auto code = static_cast<uint8_t>(rest.front());
  rest.remove_prefix(1);
  uint32_t exit_code = 0;
  if (!take_number(&rest, &exit_code) || code > kMostCode + 1) return false;
  out->exit_code = static_cast<int32_t>(exit_code);
  if (code > 0) out->status = Error(static_cast<Code>(code - 1), std::string(rest));
  return true;
}

}  // namespace

std::string open_frame(std::string_view ticket, uint32_t credit) {
  std::string out = start(FrameType::kOpen);
  append_number(credit, &out);
  return out.append(ticket);
}

std::string opened_frame(uint32_t credit) {
  std::string out = start(FrameType::kOpened);
  append_number(credit, &out);
  return out;
}

std::string data_frame(Channel channel, std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 2);
  out += static_cast<char>(FrameType::kData);
  out += static_cast<char>(channel);
  return out.append(bytes);
}

std::string close_frame(Channel channel) {
  return start(FrameType::kClose) + static_cast<char>(channel);
}

std::string credit_frame(uint32_t credit) {
  std::string out = start(FrameType::kCredit);
  append_number(credit, &out);
  return out;
}

std::string end_frame(const End& end) {
  std::string out = start(FrameType::kEnd);
  out += end.status ? '\0' : static_cast<char>(static_cast<uint8_t>(end.status.error().code) + 1);
  append_number(static_cast<uint32_t>(end.exit_code), &out);
  if (!end.status) out += end.status.error().message.substr(0, kMostMessage);
  return out;
}

std::string ping_frame() {
  return start(FrameType::kPing);
}

std::optional<Frame> parse_frame(std::string_view m) {
  if (m.empty() || m.size() > kMostFrameBytes) return std::nullopt;
  Frame out;
  out.type = static_cast<FrameType>(m.front());
  m.remove_prefix(1);
  bool good = false;
  switch (out.type) {
    case FrameType::kOpen:
      good = take_number(&m, &out.credit);
      break;
    case FrameType::kOpened:
    case FrameType::kCredit:
      good = take_number(&m, &out.credit);
      break;
    case FrameType::kData:
    case FrameType::kClose:
      good = take_channel(&m, &out.channel);
      break;
    case FrameType::kEnd:
      good = take_end(m, &out.end);
      break;
    case FrameType::kPing:
      good = true;
      break;
  }
  out.bytes = m;
  return good ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace kubus::stream
