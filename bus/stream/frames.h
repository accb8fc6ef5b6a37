// The frames of a stream, one ZeroMQ message each. Numbers are little-endian.
//
//   1 open    credit u32, ticket       the connecting end's first
//   2 opened  credit u32               the serving end is ready
//   3 data    channel u8, bytes
//   4 close   channel u8
//   5 credit  u32                      the other end may send so much more
//   6 end     code u8 (0: well), exit code i32, message
//   7 ping
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bus/stream/stream.h"

namespace kubus::stream {

enum class FrameType : uint8_t { kOpen = 1, kOpened, kData, kClose, kCredit, kEnd, kPing };

// No frame is longer.
constexpr size_t kMostFrameBytes = 64 << 10;
// What a data frame costs of the credit besides its bytes: many small ones are bounded too.
constexpr size_t kFrameCost = 64;

struct Frame {
  FrameType type = FrameType::kPing;
  Channel channel = Channel::kIn;
  uint32_t credit = 0;
  std::string_view bytes;  // of data; the ticket of an open
  End end;
};

std::string open_frame(std::string_view ticket, uint32_t credit);
std::string opened_frame(uint32_t credit);
std::string data_frame(Channel channel, std::string_view bytes);
std::string close_frame(Channel channel);
std::string credit_frame(uint32_t credit);
std::string end_frame(const End& end);
std::string ping_frame();

// nullopt: malformed.
std::optional<Frame> parse_frame(std::string_view message);

}  // namespace kubus::stream
