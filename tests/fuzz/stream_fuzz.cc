// Byte streams: "frame\n" one frame; "flow\n" and "serve\n" frames, each behind a byte of length,
// into an end that connected or serves; "spdy-client\n", "spdy-server\n" a connection's bytes, cut
// by a length byte each; "headers\n" one block.
#include "bus/sim/world.h"
#include "bus/stream/flow.h"
#include "bus/stream/spdy.h"
#include "bus/stream/spdy_headers.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;
using namespace kubus::stream;

std::string written(const Frame& f) {
  switch (f.type) {
    case FrameType::kOpen:
      return open_frame(f.bytes, f.credit);
    case FrameType::kOpened:
      return opened_frame(f.credit);
    case FrameType::kData:
      return data_frame(f.channel, f.bytes);
    case FrameType::kClose:
      return close_frame(f.channel);
    case FrameType::kCredit:
      return credit_frame(f.credit);
    case FrameType::kEnd:
      return end_frame(f.end);
    case FrameType::kPing:
      return ping_frame();
  }
  return "";
}

void check_frame(std::string_view message) {
  auto frame = parse_frame(message);
  if (!frame) return;
  std::string text = written(*frame);
  auto again = parse_frame(text);
  KUBUS_CHECK(again && written(*again) == text);
}

// What reaches the owner keeps the promises of a Stream, whatever comes in.
void check_flow(fuzz::Input in, bool connects) {
  bus::sim::World world(1);
  bus::sim::Host& host = world.add_host("h");
  size_t sent = 0;
  bool ended = false, over = false;
  std::array<bool, kChannels> closed{};
  auto flow = std::make_shared<Flow>(
      host.ports().clock, FlowOptions{},
      [&](std::string frame) {
        KUBUS_CHECK(!over && frame.size() <= kMostFrameBytes && parse_frame(frame));
        sent += frame.size();
        return true;
      },
      [&] { over = true; });
  connects ? flow->connect("ticket") : flow->accept(1000);
  auto stream = stream_on(flow);
  stream->listen({[] {},
                  [&](Channel c, std::string_view bytes) {
                    KUBUS_CHECK(!ended && !closed[static_cast<size_t>(c)]);
                    stream->consumed(bytes.size());
                  },
                  [&](Channel c) {
                    KUBUS_CHECK(!ended && !closed[static_cast<size_t>(c)]);
                    closed[static_cast<size_t>(c)] = true;
                  },
                  [] {},
                  [&](const End&) {
                    KUBUS_CHECK(!ended);
                    ended = true;
                  }});
  if (!connects) stream->open();
  stream->write(Channel::kOut, std::string(5000, 'x'));
  while (!in.empty() && !over) flow->on_frame(in.take(in.byte()));
  world.run_for(std::chrono::minutes(1));
  KUBUS_CHECK(ended);
}

void check_spdy(fuzz::Input in, SpdySession::Side side) {
  std::unique_ptr<SpdySession> session;
  size_t handled = 0;
  session = std::make_unique<SpdySession>(
      side, SpdySession::Handlers{[](std::string) {},
                                  [&](uint32_t id, const SpdySession::Headers&) {
                                    session->reply(id);
                                    session->send(id, "hello");
                                    if (++handled == 4) session->finish(id);
                                  },
                                  [&](uint32_t id) { session->send(id, "x"); },
                                  [](uint32_t, std::string_view) {}, [](uint32_t) {}});
  if (side == SpdySession::Side::kClient) session->open({{"streamtype", "stdin"}}, false);
  while (!in.empty())
    if (!session->feed(in.take(1 + in.byte()))) return;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  std::string_view what = in.line();
  if (what == "frame") check_frame(in.rest());
  if (what == "flow" || what == "serve") check_flow(in, what == "flow");
  if (what == "spdy-client") check_spdy(in, SpdySession::Side::kClient);
  if (what == "spdy-server") check_spdy(in, SpdySession::Side::kServer);
  if (what == "headers") HeaderReader().read(in.rest());
  return 0;
}
