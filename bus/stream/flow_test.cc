// One end of a stream without a socket: frames in, frames out.
#include "bus/stream/flow.h"

#include <gtest/gtest.h>

#include "bus/sim/world.h"
#include "bus/stream/bridge.h"
#include "bus/stream/pair.h"
#include "bus/stream/spdy.h"
#include "bus/stream/spdy_headers.h"

namespace kubus::stream {
namespace {

struct OneEnd {
  explicit OneEnd(bus::Clock& clock)
      : flow(std::make_shared<Flow>(
            clock, FlowOptions{},
            [this](std::string f) {
              sent.push_back(std::move(f));
              return reachable;
            },
            [this] { over = true; })) {
    Stream::Handlers h;
    h.data = [this](Channel, std::string_view b) { text.append(b); };
    h.ended = [this](const End& e) { end = e; };
    flow->listen(std::move(h));
  }
  std::vector<std::string> sent;
  std::string text;
  std::optional<End> end;
  bool over = false, reachable = true;
  std::shared_ptr<Flow> flow;
};

struct FlowTest : ::testing::Test {
  bus::sim::World world{1};
  bus::sim::Host& host = world.add_host("x");
  bus::Clock& clock = host.ports().clock;
};

TEST_F(FlowTest, MalformedFramesEndIt) {
  for (std::string bad :
       {std::string(), std::string("\x09"), std::string("\x03\x09x"), std::string("\x05\x01"),
        std::string("\x06"), std::string("\x06\x7f\0\0\0\0", 6),
        std::string(kMostFrameBytes + 1, '\x03')}) {
    OneEnd one(clock);
    one.flow->accept(kWindowBytes);
    one.flow->on_frame(bad);
    ASSERT_TRUE(one.end.has_value());
    EXPECT_EQ(one.end->status.error().code, Code::kBadRequest);
    EXPECT_TRUE(one.over);
  }
}

TEST_F(FlowTest, WhoSendsMoreThanTheWindowIsEnded) {
  OneEnd one(clock);
  one.flow->accept(kWindowBytes);
  std::string frame = data_frame(Channel::kIn, std::string(32 << 10, 'x'));
  for (int i = 0; i < 8 && !one.end; ++i) one.flow->on_frame(frame);
  ASSERT_TRUE(one.end.has_value());
  EXPECT_LE(one.text.size(), kWindowBytes);
}

TEST_F(FlowTest, ManySmallFramesCostToo) {
  OneEnd one(clock);
  one.flow->accept(kWindowBytes);
  one.flow->open();
  size_t before = one.sent.size();
  for (int i = 0; i < 20000; ++i) {
    one.flow->write(i % 2 ? Channel::kOut : Channel::kErr, "x");
  }
  EXPECT_LE(one.sent.size() - before, kWindowBytes / kFrameCost);
  EXPECT_GT(one.flow->queued(), 0u);
}

TEST_F(FlowTest, SilenceIsNoticed) {
  OneEnd one(clock);
  one.flow->accept(kWindowBytes);
  world.run_for(std::chrono::seconds(15));
  EXPECT_FALSE(one.end.has_value());
  EXPECT_FALSE(one.sent.empty());  // pings
  world.run_for(std::chrono::seconds(15));
  ASSERT_TRUE(one.end.has_value());
  EXPECT_EQ(one.end->status.error().code, Code::kTimeout);
}

TEST_F(FlowTest, AStreamThatIsNeverOpenedEnds) {
  OneEnd one(clock);
  one.flow->connect("t");
  for (int i = 0; i < 10 && !one.end; ++i) {
    world.run_for(std::chrono::seconds(5));
    one.flow->on_frame(ping_frame());
  }
  ASSERT_TRUE(one.end.has_value());
  EXPECT_EQ(one.end->status.error().code, Code::kTimeout);
}

TEST_F(FlowTest, NobodyToSendToEndsIt) {
  OneEnd one(clock);
  one.flow->accept(kWindowBytes);
  one.flow->open();
  one.reachable = false;
  one.flow->write(Channel::kOut, "x");
  ASSERT_TRUE(one.end.has_value());
  EXPECT_EQ(one.end->status.error().code, Code::kUnavailable);
}

TEST_F(FlowTest, WhatIsQueuedGoesBeforeTheEndEvenWithoutItsOwner) {
  auto [client, server] = make_pair(clock);
  std::string text;
  std::optional<End> end;
  Stream::Handlers h;
  h.data = [&, c = client.get()](Channel, std::string_view b) {
    text.append(b);
    c->consumed(b.size());
  };
  h.ended = [&](const End& e) { end = e; };
  client->listen(std::move(h));
  server->listen({});
  server->open();
  server->write(Channel::kOut, std::string(1 << 20, 'z'));
  server->end({{}, 3});
  server.reset();
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(text.size(), 1u << 20);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->exit_code, 3);
}

TEST_F(FlowTest, ABridgeHoldsBackWhoIsTooFast) {
  auto [client, near] = make_pair(clock);
  auto [far, process] = make_pair(clock);
  size_t arrived = 0;
  std::vector<Channel> closed;
  Stream::Handlers c, p;
  c.data = [&](Channel, std::string_view b) { arrived += b.size(); };
  p.closed = [&](Channel ch) { closed.push_back(ch); };
  client->listen(std::move(c));
  process->listen(std::move(p));
  bool over = false;
  Stream* opener = near.get();
  Bridge bridge(std::move(near), std::move(far), [&](const End&) { over = true; });
  opener->open();
  process->open();
  process->write(Channel::kOut, std::string(4 << 20, 'x'));
  client->close(Channel::kIn);
  world.run_for(std::chrono::seconds(1));
  // Two windows and what the bridge holds; the client has dealt with nothing.
  EXPECT_LE(arrived, kWindowBytes);
  EXPECT_GE(process->queued(), (4u << 20) - 3 * kWindowBytes);
  EXPECT_EQ(closed, (std::vector<Channel>{Channel::kIn}));
  client->consumed(arrived);
  world.run_for(std::chrono::seconds(1));
  EXPECT_GT(arrived, kWindowBytes);
  process->end({});
  client.reset();
  world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(over);
}

TEST(Spdy, TheDictionaryIsTheProtocols) {
  EXPECT_EQ(spdy_dictionary().size(), 1423u);
  HeaderWriter writer;
  // The stream's head names the dictionary by its sum.
  EXPECT_EQ(writer.write({}).substr(2, 4), "\xe3\xc6\xa7\xc2");
}

TEST(Spdy, TwoSessionsTalk) {
  std::string up, down, heard, log;
  std::unique_ptr<SpdySession> server;
  SpdySession::Handlers c, s;
  c.send = [&](std::string b) { up += b; };
  c.replied = [&](uint32_t id) { log += "replied " + std::to_string(id) + "\n"; };
  c.finished = [&](uint32_t id) { log += "finished " + std::to_string(id) + "\n"; };
  s.send = [&](std::string b) { down += b; };
  s.opened = [&](uint32_t id, const SpdySession::Headers& h) {
    log += "opened " + std::to_string(id) + " " + h.at("streamtype") + "\n";
    server->reply(id);
  };
  s.data = [&](uint32_t, std::string_view b) { heard.append(b); };
  s.finished = [&](uint32_t id) {
    log += "end of " + std::to_string(id) + "\n";
    server->finish(id);
  };
  SpdySession client(SpdySession::Side::kClient, std::move(c));
  server = std::make_unique<SpdySession>(SpdySession::Side::kServer, std::move(s));
  uint32_t error = client.open({{"streamtype", "error"}, {"port", "80"}}, true);
  uint32_t data = client.open({{"streamtype", "data"}, {"port", "80"}}, false);
  client.send(data, std::string(100'000, 'q'));
  client.finish(data);
  // Cut anywhere.
  for (char b : up) ASSERT_TRUE(server->feed({&b, 1}));
  ASSERT_TRUE(client.feed(down));
  EXPECT_EQ(heard.size(), 100'000u);
  EXPECT_EQ(error, 1u);
  EXPECT_EQ(log,
            "opened 1 error\nend of 1\nopened 3 data\nend of 3\nreplied 1\nfinished 1\nreplied "
            "3\nfinished 3\n");
}

TEST(Spdy, HostileBytesAreRefused) {
  auto refused = [](std::string bytes) {
    SpdySession::Handlers h;
    h.send = [](std::string) {};
    SpdySession session(SpdySession::Side::kServer, std::move(h));
    return !session.feed(bytes).ok();
  };
  EXPECT_TRUE(refused(std::string("\x80\x02\x00\x01\x00\x00\x00\x00", 8)));  // SPDY/2
  EXPECT_TRUE(refused(std::string("\x80\x03\x00\x01\x00\x7f\xff\xff", 8)));  // huge
  EXPECT_TRUE(refused(std::string("\x80\x03\x00\x01\x00\x00\x00\x04", 8) + "abcd"));
  EXPECT_TRUE(refused(std::string("\x80\x03\x00\x01\x01\x00\x00\x0c", 8) +
                      std::string("\0\0\0\1\0\0\0\0\0\0zz", 12)));
  // Data of a stream that nobody opened is passed over.
  EXPECT_FALSE(refused(std::string("\x00\x00\x00\x05\x01\x00\x00\x01x", 9)));
}

}  // namespace
}  // namespace kubus::stream
