// The encrypted streams over real sockets on loopback, on a loop of their own.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>

#include "bus/host/loop_clock.h"
#include "bus/sim/world.h"
#include "bus/stream/client.h"
#include "bus/stream/keys.h"
#include "bus/stream/server.h"

namespace kubus::stream {
namespace {

using std::chrono::milliseconds;

// One end, and what came out of it.
struct Side {
  Stream::Handlers handlers() {
    Stream::Handlers h;
    h.opened = [this] { opened = true; };
    h.data = [this](Channel c, std::string_view bytes) {
      (c == Channel::kErr ? err : text).append(bytes);
      if (eager) stream->consumed(bytes.size());
    };
    h.closed = [this](Channel c) { closed.push_back(c); };
    h.room = [this] { ++rooms; };
    h.ended = [this](const End& e) { end = e; };
    return h;
  }
  std::unique_ptr<Stream> stream;
  std::string text, err;
  std::vector<Channel> closed;
  std::optional<End> end;
  bool opened = false, eager = true;
  int rooms = 0;
};

class Streams : public ::testing::Test {
 protected:
  Streams() { start(milliseconds(50)); }

  void start(bus::Duration patience) {
    server_.reset();
    server_ = *StreamServer::open(loop_, ports_, {.patience = patience});
  }

  Ticket ticket(const std::string& id = "t1") {
    KeyPair keys = make_keys(ports_.random);
    return {server_->endpoint(), server_->public_key(), keys.public_key, keys.secret_key, id};
  }

  Status expect(const Ticket& t, Side* side, bus::Duration valid = std::chrono::seconds(10)) {
    return server_->expect({t.id, t.client_key}, valid, [side](std::unique_ptr<Stream> s) {
      side->stream = std::move(s);
      side->stream->listen(side->handlers());
    });
  }

  void connect(const Ticket& t, Side* side) {
    side->stream = client_->connect(t, side->handlers());
  }

  // Both ends, open.
  void join(Side* client, Side* server) {
    Ticket t = ticket();
    ASSERT_TRUE(expect(t, server));
    connect(t, client);
    ASSERT_TRUE(run([&] { return server->stream != nullptr; }));
    server->stream->open();
    ASSERT_TRUE(run([&] { return client->opened; }));
  }

  bool run(const std::function<bool()>& done) {
    auto limit = clock_.now() + std::chrono::seconds(20);
    while (!done() && clock_.now() < limit) loop_.run_one_for(milliseconds(100));
    return done();
  }

  boost::asio::io_context loop_{1};
  bus::LoopClock clock_{loop_};
  bus::sim::World world_{7};
  bus::Ports host_ = world_.add_host("streams").ports();
  bus::Ports ports_{host_.bus, clock_, host_.random, host_.log, host_.workers};
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<StreamClient> client_ = std::make_unique<StreamClient>(loop_, ports_);
};

TEST_F(Streams, CarryBytesBothWaysAndAnEnd) {
  Side client, server;
  join(&client, &server);
  client.stream->write(Channel::kIn, "question");
  server.stream->write(Channel::kOut, "answer");
  server.stream->write(Channel::kErr, "remark");
  ASSERT_TRUE(run([&] { return server.text == "question" && client.err == "remark"; }));
  EXPECT_EQ(client.text, "answer");
  server.stream->end({{}, 7});
  ASSERT_TRUE(run([&] { return client.end.has_value(); }));
  EXPECT_TRUE(client.end->status.ok());
  EXPECT_EQ(client.end->exit_code, 7);
  EXPECT_EQ(server_->streams(), 0u);
}

TEST_F(Streams, CarryMuchEachWay) {
  Side client, server;
  join(&client, &server);
  std::string up(3 << 20, 'u'), down(3 << 20, 'd');
  client.stream->write(Channel::kIn, up);
  server.stream->write(Channel::kOut, down);
  ASSERT_TRUE(
      run([&] { return server.text.size() == up.size() && client.text.size() == down.size(); }));
  EXPECT_EQ(server.text, up);
  EXPECT_EQ(client.text, down);
  EXPECT_GE(client.rooms, 1);
}

TEST_F(Streams, OneWayClosesAndTheOtherGoesOn) {
  Side client, server;
  join(&client, &server);
  client.stream->write(Channel::kIn, "last");
  client.stream->close(Channel::kIn);
  ASSERT_TRUE(run([&] { return !server.closed.empty(); }));
  EXPECT_EQ(server.text, "last");
  server.stream->write(Channel::kOut, "still here");
  ASSERT_TRUE(run([&] { return client.text == "still here"; }));
  EXPECT_FALSE(client.end.has_value());
}

TEST_F(Streams, AStrangersKeyIsRefused) {
  Side client, server;
  Ticket t = ticket();
  ASSERT_TRUE(expect(t, &server));
  Ticket forged = ticket();  // the id is right, the key is not
  connect(forged, &client);
  ASSERT_TRUE(run([&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end->status.error().code, Code::kForbidden);
  EXPECT_EQ(server.stream, nullptr);
}

TEST_F(Streams, AKeyOpensNoOthersStream) {
  Side client, server, other;
  Ticket mine = ticket("mine"), theirs = ticket("theirs");
  ASSERT_TRUE(expect(mine, &server));
  ASSERT_TRUE(expect(theirs, &other));
  Ticket mixed = mine;
  mixed.id = theirs.id;
  connect(mixed, &client);
  ASSERT_TRUE(run([&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end->status.error().code, Code::kForbidden);
  EXPECT_EQ(other.stream, nullptr);
}

TEST_F(Streams, ATicketServesOnce) {
  Side client, server, again;
  Ticket t = ticket();
  ASSERT_TRUE(expect(t, &server));
  connect(t, &client);
  ASSERT_TRUE(run([&] { return server.stream != nullptr; }));
  connect(t, &again);
  ASSERT_TRUE(run([&] { return again.end.has_value(); }));
  EXPECT_EQ(again.end->status.error().code, Code::kForbidden);
  EXPECT_FALSE(client.end.has_value());
}

TEST_F(Streams, ATicketRunsOut) {
  Side client, server;
  Ticket t = ticket();
  ASSERT_TRUE(expect(t, &server, milliseconds(1)));
  auto later = clock_.now() + milliseconds(20);
  run([&] { return clock_.now() >= later; });
  connect(t, &client);
  ASSERT_TRUE(run([&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end->status.error().code, Code::kForbidden);
  EXPECT_FALSE(expect(t, &server, milliseconds(-1)));
}

TEST_F(Streams, AClientMayComeBeforeItsTicket) {
  start(std::chrono::seconds(10));
  Side client, server;
  Ticket t = ticket();
  connect(t, &client);
  auto later = clock_.now() + milliseconds(30);
  run([&] { return clock_.now() >= later; });
  EXPECT_FALSE(client.end.has_value());
  ASSERT_TRUE(expect(t, &server));
  ASSERT_TRUE(run([&] { return server.stream != nullptr; }));
}

TEST_F(Streams, ASlowReaderCostsAWindow) {
  Side client, server;
  client.eager = false;
  join(&client, &server);
  size_t written = 0;
  std::string chunk(16 << 10, 'x');
  while (server.stream->queued() < kRoomBytes) {
    server.stream->write(Channel::kOut, chunk);
    written += chunk.size();
  }
  EXPECT_LE(written, kWindowBytes + kRoomBytes + chunk.size());
  ASSERT_TRUE(run([&] { return client.text.size() + server.stream->queued() == written; }));
  EXPECT_LE(client.text.size(), kWindowBytes);
  EXPECT_EQ(server.rooms, 0);
  client.stream->consumed(client.text.size());
  client.eager = true;
  ASSERT_TRUE(run([&] { return client.text.size() == written; }));
  EXPECT_EQ(server.rooms, 1);
}

TEST_F(Streams, AServerThatDiesIsNoticedAtOnce) {
  Side client, server;
  join(&client, &server);
  server_.reset();  // it says no goodbye
  EXPECT_TRUE(server.end.has_value());
  server.stream->write(Channel::kOut, "into the void");
  ASSERT_TRUE(run([&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end->status.error().code, Code::kUnavailable);
}

TEST_F(Streams, NobodyThere) {
  Side client;
  Ticket t = ticket();
  server_.reset();
  connect(t, &client);
  ASSERT_TRUE(run([&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end->status.error().code, Code::kUnavailable);
}

TEST_F(Streams, AClientThatLeavesEndsTheStream) {
  Side client, server;
  join(&client, &server);
  client.stream.reset();
  ASSERT_TRUE(run([&] { return server.end.has_value(); }));
  EXPECT_FALSE(server.end->status.ok());
  ASSERT_TRUE(run([&] { return server_->streams() == 0; }));
}

TEST_F(Streams, TicketsAreBounded) {
  Side side;
  Status s;
  for (int i = 0; i < 2000 && s; ++i) s = expect(ticket(std::to_string(i)), &side);
  EXPECT_EQ(s.error().code, Code::kTooManyRequests);
}

}  // namespace
}  // namespace kubus::stream
