// Streams between a client's connection and a kubelet's, both in memory.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "bus/sim/world.h"
#include "bus/stream/pair.h"
#include "bus/stream/spdy.h"
#include "services/gateway/streams/connect.h"
#include "services/gateway/streams/forward.h"
#include "services/gateway/streams/log.h"
#include "services/gateway/streams/process.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using stream::Channel;

// A client's side of a WebSocket.
struct FakeSocket : WebSocket {
  void listen(Handlers h) override { handlers = std::move(h); }
  void send(std::string m) override {
    sent.push_back(m);
    queued += stuck ? m.size() : 0;
  }
  size_t queued_bytes() const override { return queued; }
  void pause(bool on) override { paused = on; }
  void close() override { closed = true; }
  Handlers handlers;
  std::vector<std::string> sent;
  size_t queued = 0;
  bool stuck = false, paused = false, closed = false;
};

struct FakeExchange : Exchange {
  FakeExchange(std::string method, std::string_view target) {
    r.method = std::move(method);
    r.peer = {"ann", {"system:masters"}};
    EXPECT_TRUE(parse_target(target, &r));
  }
  const HttpRequest& request() const override { return r; }
  void set_peer(Peer) override {}
  void respond(int s, std::string_view, std::string b, Headers) override {
    status = s;
    body = std::move(b);
  }
  void start_stream(int s, std::string_view, Headers) override { status = s; }
  void write(std::shared_ptr<const std::string> chunk) override {
    body += *chunk;
    if (stuck) queued += chunk->size();
  }
  size_t queued_bytes() const override { return queued; }
  void finish() override { finished = true; }
  void on_room(std::function<void()> f) override { room = std::move(f); }
  std::shared_ptr<WebSocket> upgrade(std::string_view p) override {
    protocol = p;
    return socket;
  }
  void on_gone(std::function<void()> f) override { gone = std::move(f); }

  HttpRequest r;
  int status = 0;
  std::string body, protocol;
  size_t queued = 0;
  bool finished = false, stuck = false;
  std::function<void()> room, gone;
  std::shared_ptr<FakeSocket> socket = std::make_shared<FakeSocket>();
};

// Connects to ends that the test holds as the kubelet does.
struct FakeDialer : stream::StreamDialer {
  explicit FakeDialer(bus::Clock& c) : clock(c) {}
  std::unique_ptr<stream::Stream> connect(const stream::Ticket&,
                                          stream::Stream::Handlers handlers) override {
    auto [client, server] = stream::make_pair(clock);
    client->listen(std::move(handlers));
    Kubelet& k = *kubelets.emplace_back(std::make_unique<Kubelet>());
    stream::Stream::Handlers h;
    h.data = [&k](Channel c, std::string_view b) {
      (c == Channel::kResize ? k.sizes : k.in).append(b);
    };
    h.closed = [&k](Channel) { k.closed = true; };
    h.ended = [&k](const stream::End&) { k.ended = true; };
    server->listen(std::move(h));
    k.end = std::move(server);
    return std::move(client);
  }
  struct Kubelet {
    std::unique_ptr<stream::Stream> end;
    std::string in, sizes;
    bool closed = false, ended = false;
  };
  bus::Clock& clock;
  std::vector<std::unique_ptr<Kubelet>> kubelets;
};

struct StreamsTest : testing::Test {
  bus::sim::World world{5};
  bus::Clock& clock = world.add_host("gateway").ports().clock;
  FakeDialer dialer{clock};
  ResourcePath path;
  void run() { world.run_for(milliseconds(50)); }
  FakeDialer::Kubelet& kubelet(size_t i = 0) { return *dialer.kubelets.at(i); }

  std::shared_ptr<FakeExchange> process() {
    auto e = std::make_shared<FakeExchange>("GET", "/exec?stdin=true");
    e->r.headers = {{"upgrade", "websocket"},
                    {"sec-websocket-protocol", "v4.channel.k8s.io, v5.channel.k8s.io"}};
    answer_process(dialer, {}, e, path);
    kubelet().end->open();
    run();
    return e;
  }
};

TEST_F(StreamsTest, ALogIsATextThatEnds) {
  auto e = std::make_shared<FakeExchange>("GET", "/log");
  answer_log(dialer, {}, e, path);
  kubelet().end->open();
  kubelet().end->write(Channel::kOut, "line\n");
  run();
  EXPECT_EQ(e->status, 200);
  EXPECT_EQ(e->body, "line\n");
  EXPECT_FALSE(e->finished);
  kubelet().end->end({});
  run();
  EXPECT_TRUE(e->finished);
}

TEST_F(StreamsTest, WhatTheKubeletRefusesIsAStatus) {
  auto e = std::make_shared<FakeExchange>("GET", "/log");
  answer_log(dialer, {}, e, path);
  kubelet().end->end({Error(Code::kBadRequest, "is waiting to start")});
  run();
  EXPECT_EQ(e->status, 400);
  EXPECT_NE(e->body.find("is waiting to start"), std::string::npos);
}

TEST_F(StreamsTest, ALogThatBreaksHasNoEnd) {
  auto e = std::make_shared<FakeExchange>("GET", "/log");
  answer_log(dialer, {}, e, path);
  kubelet().end->open();
  kubelet().end->write(Channel::kOut, "half");
  kubelet().end->end({Error(Code::kUnavailable, "gone")});
  run();
  EXPECT_EQ(e->body, "half");
  EXPECT_FALSE(e->finished);
  EXPECT_EQ(e.use_count(), 1);  // let go: the connection closes
}

TEST_F(StreamsTest, AClientThatDoesNotReadHoldsTheLogBack) {
  auto e = std::make_shared<FakeExchange>("GET", "/log");
  answer_log(dialer, {}, e, path);
  e->stuck = true;
  kubelet().end->open();
  kubelet().end->write(Channel::kOut, std::string(4 << 20, 'x'));
  world.run_for(std::chrono::seconds(2));
  EXPECT_LE(e->body.size(), stream::kRoomBytes + stream::kWindowBytes);
  EXPECT_GT(kubelet().end->queued(), 3u << 20);
  e->stuck = false;
  e->queued = 0;
  e->room();
  world.run_for(std::chrono::seconds(2));
  EXPECT_EQ(e->body.size(), 4u << 20);
}

TEST_F(StreamsTest, AClientThatGoesEndsTheStream) {
  auto e = std::make_shared<FakeExchange>("GET", "/log");
  answer_log(dialer, {}, e, path);
  kubelet().end->open();
  run();
  e->gone();
  run();
  EXPECT_TRUE(kubelet().ended);
}

TEST_F(StreamsTest, ChannelsOfAProcess) {
  auto e = process();
  EXPECT_EQ(e->protocol, "v5.channel.k8s.io");
  auto& socket = *e->socket;
  socket.handlers.message(std::string("\0typed", 6));
  socket.handlers.message("\x04{\"Width\":1}\n");
  socket.handlers.message("");
  socket.handlers.message("\x09nonsense");
  kubelet().end->write(Channel::kOut, "out");
  kubelet().end->write(Channel::kErr, "err");
  run();
  EXPECT_EQ(kubelet().in, "typed");
  EXPECT_EQ(kubelet().sizes, "{\"Width\":1}\n");
  EXPECT_EQ(socket.sent, (std::vector<std::string>{"\1out", "\2err"}));
  EXPECT_FALSE(kubelet().closed);
  socket.handlers.message(std::string("\xff\0", 2));
  run();
  EXPECT_TRUE(kubelet().closed);
  kubelet().end->end({{}, 7});
  run();
  EXPECT_TRUE(socket.closed);
  json::value status = json::parse(socket.sent.back().substr(1));
  EXPECT_EQ(socket.sent.back()[0], 3);
  EXPECT_EQ(status.at("reason"), "NonZeroExitCode");
  EXPECT_EQ(status.at("details").at("causes").at(0).at("message"), "7");
}

TEST_F(StreamsTest, SuccessIsSaidToo) {
  auto e = process();
  kubelet().end->end({});
  run();
  EXPECT_EQ(e->socket->sent.back(), "\3{\"metadata\":{},\"status\":\"Success\"}");
}

TEST_F(StreamsTest, AProcessThatCannotStartIsNoUpgrade) {
  auto e = std::make_shared<FakeExchange>("GET", "/exec");
  answer_process(dialer, {}, e, path);
  kubelet().end->end({Error(Code::kBadRequest, "is not running")});
  run();
  EXPECT_EQ(e->status, 400);
  EXPECT_EQ(e->protocol, "");
}

TEST_F(StreamsTest, InputThatIsNotTakenPausesTheClient) {
  auto e = process();
  auto& socket = *e->socket;
  std::string message = std::string(1, '\0') + std::string(64 << 10, 'i');
  for (int i = 0; i < 32 && !socket.paused; ++i) socket.handlers.message(message);
  EXPECT_TRUE(socket.paused);
  run();
  EXPECT_TRUE(socket.paused);  // a window is all that goes ahead
  kubelet().end->consumed(kubelet().in.size());
  run();
  EXPECT_FALSE(socket.paused);
}

TEST_F(StreamsTest, OnlyWhatIsServedIsAccepted) {
  FakeExchange spdy("POST", "/exec");
  spdy.r.headers = {{"upgrade", "SPDY/3.1"}};
  EXPECT_FALSE(check_process_upgrade(spdy.r));
  EXPECT_FALSE(check_forward_upgrade(spdy.r));
  FakeExchange old("GET", "/exec");
  old.r.headers = {{"upgrade", "WebSocket"}, {"sec-websocket-protocol", "channel.k8s.io"}};
  EXPECT_FALSE(check_process_upgrade(old.r));
  old.r.headers.emplace("sec-websocket-protocol", "v4.channel.k8s.io");
  EXPECT_TRUE(check_process_upgrade(old.r));
}

TEST_F(StreamsTest, PortsAreForwardedEachOnItsOwn) {
  auto e = std::make_shared<FakeExchange>("GET", "/portforward");
  std::vector<int> asked;
  auto ask = [&](int port, std::function<void(Result<stream::Ticket>)> done) {
    asked.push_back(port);
    if (port == 1) return done(Error(Code::kForbidden, "not that one"));
    done(stream::Ticket{});
  };
  answer_forward(dialer, ask, e);
  auto& socket = *e->socket;
  std::map<uint32_t, std::string> heard;
  std::set<uint32_t> over;
  stream::SpdySession::Handlers h;
  h.send = [&](std::string b) {
    for (char c : b) socket.handlers.message({&c, 1});
  };
  h.data = [&](uint32_t id, std::string_view b) { heard[id].append(b); };
  h.finished = [&](uint32_t id) { over.insert(id); };
  stream::SpdySession client(stream::SpdySession::Side::kClient, std::move(h));
  auto listen = [&] {
    run();
    for (const std::string& m : std::exchange(socket.sent, {})) ASSERT_TRUE(client.feed(m));
  };
  uint32_t error = client.open({{"streamtype", "error"}, {"port", "80"}, {"requestid", "0"}}, true);
  uint32_t data = client.open({{"streamtype", "data"}, {"port", "80"}, {"requestid", "0"}}, false);
  client.send(data, "GET /");
  client.finish(data);
  listen();
  EXPECT_EQ(asked, std::vector<int>{80});
  kubelet().end->open();
  kubelet().end->write(Channel::kOut, "page");
  kubelet().end->close(Channel::kOut);
  listen();
  EXPECT_EQ(kubelet().in, "GET /");
  EXPECT_TRUE(kubelet().closed);
  EXPECT_EQ(heard[data], "page");
  kubelet().end->end({});
  listen();
  EXPECT_TRUE(over.count(data) && over.count(error));
  EXPECT_EQ(heard[error], "");
  uint32_t bad = client.open({{"streamtype", "error"}, {"port", "1"}, {"requestid", "1"}}, true);
  client.open({{"streamtype", "data"}, {"port", "1"}, {"requestid", "1"}}, false);
  listen();
  EXPECT_EQ(heard[bad], "not that one");
  socket.handlers.message("\xff\xff\xff\xff\xff\xff\xff\xff");
  EXPECT_TRUE(socket.closed);
}

TEST(ConnectRequest, OptionsOfLogs) {
  FakeExchange e("GET", "/log?container=c&follow=true&tailLines=3&sinceSeconds=10&timestamps=1");
  ResourcePath path;
  path.kind = schema::Registry::get().by_resource("", "pods");
  path.subresource = "log";
  constexpr int64_t kNow = 100'000'000'000;
  auto r = connect_request(e.r, path, kNow);
  ASSERT_TRUE(r);
  const wire::ConnectT& c = *r->operations[0]->connect;
  EXPECT_TRUE(c.follow && c.timestamps && !c.previous);
  EXPECT_EQ(c.tail_lines, 3);
  EXPECT_EQ(c.since, kNow - 10'000'000'000);
  for (const char* bad :
       {"/log?tailLines=x", "/log?sinceTime=yesterday", "/log?sinceSeconds=0",
        "/log?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z", "/log?stream=Stdout"}) {
    FakeExchange wrong("GET", bad);
    EXPECT_FALSE(connect_request(wrong.r, path, kNow)) << bad;
  }
}

}  // namespace
}  // namespace kubus::gateway
