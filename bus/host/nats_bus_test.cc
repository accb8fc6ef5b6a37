// What the Bus on nats does when a process is slow, when the server refuses, and in which moment it
// says connected.
#include "bus/nats/nats_bus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>

#include "bus/host/loop_clock.h"
#include "bus/host/loop_socket.h"
#include "bus/host/thread_workers.h"
#include "bus/nats/test_server.h"

namespace kubus::bus {
namespace {

const Subjects kSubjects{ClusterName("test")};

std::vector<BusUser> users() {
  return {{.actor = "store", .password = "s", .role = Role::kStore},
          {.actor = "a", .password = "a"}};
}

class Lines : public Log {
 public:
  void write(Level, std::string_view line) override { all.emplace_back(line); }
  bool has(std::string_view text) const {
    return std::any_of(all.begin(), all.end(), [&](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  }
  std::vector<std::string> all;
};

class Counting : public Random {
 public:
  uint64_t next() override { return n_++; }

 private:
  uint64_t n_ = 0;
};

struct Client {
  boost::asio::io_context loop{1};
  LoopClock clock{loop};
  Counting random;
  Lines log;
  ThreadWorkers workers;
  NatsBus nats;
  Bus& bus = nats;
  std::vector<std::string> told;  // states and messages in the order in which they came
  std::vector<std::unique_ptr<Subscription>> kept;

  Client(const TestServer& server, const std::string& user, size_t most_waiting = 100'000)
      : workers(1, [this](auto f) { boost::asio::post(loop, std::move(f)); }),
        nats(
            {.servers = {server.url()},
             .user = user,
             .password = user.substr(0, 1),
             .ca_file = "",
             .cert_file = "",
             .key_file = "",
             .name = user,
             .most_waiting = most_waiting},
            [this](auto f) { boost::asio::post(loop, std::move(f)); }, socket_watcher(loop), clock,
            random, log, workers) {
    kept.push_back(bus.watch_state([this](BusState s) {
      told.push_back(s == BusState::kConnected ? "up" : s == BusState::kLossy ? "lossy" : "down");
    }));
  }
  void listen(const Pattern& pattern) {
    kept.push_back(bus.subscribe(
        pattern, [this](Message m) { told.emplace_back(as_text(m.payload.view())); }));
  }
  bool run_until(const std::function<bool()>& done) {
    bool late = false;
    auto timer = clock.after(std::chrono::seconds(20), [&] { late = true; });
    while (!done() && !late) loop.run_one();
    return done();
  }
  bool connect() {
    return run_until([&] { return bus.connected(); });
  }
  bool heard(const std::string& what) const {
    return std::find(told.begin(), told.end(), what) != told.end();
  }
};

TEST(NatsBus, ConnectedMeansThatTheServerKnowsTheSubscriptions) {
  TestServer server(users());
  Client store(server, "store");
  ASSERT_TRUE(store.connect());
  for (int round = 0; round < 20; ++round) {
    Client a(server, "a");
    a.listen(kSubjects.events_of({}));
    a.listen(kSubjects.heads_of({}));
    ASSERT_TRUE(a.connect());
    store.bus.publish(kSubjects.head({}), as_bytes("head"));
    store.loop.poll();
    ASSERT_TRUE(a.run_until([&] { return a.heard("head"); })) << round;
    EXPECT_EQ(a.told, (std::vector<std::string>{"down", "up", "head"}));
  }
}

TEST(NatsBus, WhoIsTooSlowIsToldOfTheLossAndHearsOn) {
  TestServer server(users());
  Client store(server, "store"), a(server, "a", 10);
  a.listen(kSubjects.events_of({}));
  ASSERT_TRUE(a.connect());
  ASSERT_TRUE(store.connect());
  // a's loop runs between bursts only; each is far more than may wait.
  size_t said = 0, burst = 1000;
  std::string text = "before";
  std::unique_ptr<Timer> timer;
  std::function<void()> say = [&] {
    for (size_t i = 0; i < burst; ++i, ++said) {
      store.bus.publish(kSubjects.event("", "pods", "d", "x"), as_bytes(text));
    }
    store.loop.poll();
    timer = a.clock.after(std::chrono::milliseconds(5), say);
  };
  say();
  ASSERT_TRUE(a.run_until([&] { return a.heard("lossy"); }));
  EXPECT_LT(a.told.size(), said + 3);  // down, up, lossy, and not all that was said
  EXPECT_TRUE(a.bus.connected());
  burst = 1;
  text = "after";
  EXPECT_TRUE(a.run_until([&] { return a.heard("after"); }));
}

TEST(NatsBus, ARefusalIsLoggedWithItsSubject) {
  TestServer server(users());
  Client a(server, "a");
  ASSERT_TRUE(a.connect());
  Subject forged = kSubjects.event("", "pods", "d", "forged");
  EXPECT_TRUE(a.bus.publish(forged, {}));
  EXPECT_TRUE(a.run_until([&] { return a.log.has(forged.str()); }));
  a.listen(kSubjects.all_api());
  EXPECT_TRUE(a.run_until([&] { return a.log.has(kSubjects.all_api().str()); }));
  EXPECT_TRUE(a.bus.connected());
}

TEST(NatsBus, AnAbsentServerIsComplainedOfOnceAndFoundWhenItComes) {
  TestServer server(users());
  server.kill();
  Client a(server, "a");
  ASSERT_TRUE(a.run_until([&] { return !a.log.all.empty(); }));
  EXPECT_FALSE(a.bus.connected());
  EXPECT_FALSE(a.bus.publish(kSubjects.heartbeat("x", "y"), {}));
  server.start();
  EXPECT_TRUE(a.connect());
  EXPECT_EQ(a.log.all.size(), 1u);
}

size_t open_files() {
  namespace fs = std::filesystem;
  return static_cast<size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

TEST(NatsBus, EndedConnectionsLeaveNoSocketBehind) {
  TestServer server(users());
  { Client first(server, "a"); }
  size_t before = open_files();
  for (int round = 0; round < 10; ++round) {
    Client a(server, "a");
    ASSERT_TRUE(a.connect());
    if (round % 2 == 0) continue;
    server.kill();
    ASSERT_TRUE(a.run_until([&] { return !a.bus.connected(); }));
    server.start();
    ASSERT_TRUE(a.connect());
  }
  EXPECT_EQ(open_files(), before);
}

TEST(NatsBus, ABusThatIsDestroyedWhileItConnectsSaysNothingMore) {
  TestServer server(users());
  for (int round = 0; round < 20; ++round) {
    Client a(server, "a");
    a.listen(kSubjects.events_of({}));
    for (int i = 0; i < round % 4; ++i) a.loop.run_one();
  }
}

}  // namespace
}  // namespace kubus::bus
