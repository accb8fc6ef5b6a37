// The Bus port's promises on a real nats-server, and the permissions that the server enforces.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "bus/host/host.h"
#include "bus/nats/test_server.h"

namespace kubus::bus {
namespace {

const Subjects kSubjects{ClusterName("test")};

std::vector<BusUser> users() {
  return {{.actor = "store", .password = "s", .role = Role::kStore},
          {.actor = "a", .password = "a"},
          {.actor = "b", .password = "b"},
          {.actor = "kubelet:n1", .password = "k", .role = Role::kKubelet, .node = "n1"},
          {.actor = "reader:r",
           .password = "r",
           .role = Role::kReader,
           .lanes = {{"", "pods", "d", "", ""}}}};
}

struct Client {
  Host host;
  std::vector<Message> heard;
  std::vector<BusState> states;
  std::vector<std::unique_ptr<Subscription>> kept;

  Client(const TestServer& server, const std::string& actor, const std::string& password)
      : host({.component = actor,
              .credentials = {.cluster = "test",
                              .actor = actor,
                              .servers = {server.url()},
                              .user = actor,
                              .password = password},
              .log_level = Level::kError,
              .workers = 1}) {
    kept.push_back(bus().watch_state([this](BusState s) { states.push_back(s); }));
  }
  Bus& bus() { return host.ports().bus; }
  void listen(const Pattern& pattern) {
    kept.push_back(bus().subscribe(pattern, [this](Message m) { heard.push_back(std::move(m)); }));
  }
  // Publishes and ends the turn: only then it leaves.
  bool say(const Subject& subject, ByteView payload, const Subject* reply = nullptr) {
    bool sent = bus().publish(subject, payload, reply);
    host.loop().poll();
    return sent;
  }
  // Runs this client's loop until `done` or the time is over.
  bool run_until(const std::function<bool()>& done,
                 std::chrono::seconds limit = std::chrono::seconds(10)) {
    bool late = false;
    auto timer = host.ports().clock.after(limit, [&] { late = true; });
    while (!done() && !late) host.loop().run_one();
    return done();
  }
  bool connect() {
    return run_until([&] { return bus().connected(); });
  }
};

TEST(Bus, MessagesOfAPublisherArriveInOrderAcrossSubscriptions) {
  TestServer server(users());
  Client store(server, "store", "s"), a(server, "a", "a");
  a.listen(kSubjects.events_of({"", "pods", "", "", ""}));
  a.listen(kSubjects.heads_of({}));
  ASSERT_TRUE(a.connect());
  ASSERT_TRUE(store.connect());
  constexpr int kMany = 5000;
  for (int i = 0; i < kMany; ++i) {
    std::string text = std::to_string(i);
    Subject subject = i % 5 == 4 ? kSubjects.head({"", "pods", "", "", ""})
                                 : kSubjects.event("", "pods", "d", "x");
    ASSERT_TRUE(store.say(subject, as_bytes(text)));
  }
  ASSERT_TRUE(a.run_until([&] { return a.heard.size() == kMany; }));
  for (int i = 0; i < kMany; ++i) {
    ASSERT_EQ(as_text(a.heard[static_cast<size_t>(i)].payload.view()), std::to_string(i));
  }
}

TEST(Bus, AServersRestartIsSurvivedAndTold) {
  TestServer server(users());
  Client store(server, "store", "s"), a(server, "a", "a");
  a.listen(kSubjects.events_of({}));
  ASSERT_TRUE(a.connect());
  ASSERT_TRUE(store.connect());
  for (int round = 0; round < 3; ++round) {
    server.kill();
    ASSERT_TRUE(a.run_until([&] { return !a.bus().connected(); }));
    EXPECT_FALSE(a.say(kSubjects.heartbeat("x", "y"), {}));
    ASSERT_TRUE(store.run_until([&] { return !store.bus().connected(); }));
    server.start();
    ASSERT_TRUE(a.connect());
    ASSERT_TRUE(store.connect());
    size_t before = a.heard.size();
    store.say(kSubjects.event("", "pods", "d", "x"), as_bytes("again"));
    ASSERT_TRUE(a.run_until([&] { return a.heard.size() > before; }));
  }
  EXPECT_EQ(a.states.back(), BusState::kConnected);
}

TEST(Bus, AReplayTouchesNothingThatLives) {
  auto all = users();
  all.push_back({.actor = "replay", .password = "p", .role = Role::kReplay});
  all.push_back({.actor = "admin", .password = "m", .role = Role::kAdmin});
  TestServer server(all);
  Client replay(server, "replay", "p"), reader(server, "reader:r", "r"),
      admin(server, "admin", "m");
  Subjects night(Subjects::replay("night"));
  LaneId lane{"", "pods", "d", "", ""};
  reader.listen(kSubjects.events_of(lane));
  reader.listen(night.events_of(lane));
  replay.listen(kSubjects.all_api());
  replay.listen(night.all_api());
  replay.listen(Pattern::given(Subjects::replay_control("night").str()));
  Subject reply = kSubjects.reply(Actor("admin"), "1");
  admin.listen(kSubjects.replies(Actor("admin")));
  for (Client* c : {&replay, &reader, &admin}) ASSERT_TRUE(c->connect());
  replay.say(kSubjects.event("", "pods", "d", "x"), as_bytes("forged"));
  replay.say(night.event("", "pods", "d", "x"), as_bytes("past"));
  ASSERT_TRUE(reader.run_until([&] { return !reader.heard.empty(); }));
  EXPECT_EQ(as_text(reader.heard.front().payload.view()), "past");
  reader.say(night.api(Actor("reader:r"), "get", "", "pods"), as_bytes("asked"));
  admin.say(kSubjects.api(Actor("admin"), "get", "", "pods"), as_bytes("of the living"));
  admin.say(Subjects::replay_control("night"), as_bytes("pause"), &reply);
  ASSERT_TRUE(replay.run_until([&] { return replay.heard.size() == 2; }));
  for (const Message& m : replay.heard) {
    if (m.reply.empty()) {
      EXPECT_EQ(as_text(m.payload.view()), "asked");
    }
    if (!m.reply.empty()) replay.say(Subject::received(m.reply), as_bytes("done"));
  }
  ASSERT_TRUE(admin.run_until([&] { return !admin.heard.empty(); }));
  EXPECT_EQ(as_text(admin.heard.front().payload.view()), "done");
}

TEST(Bus, AWrongPasswordIsTriedAgainUntilTheServerKnowsIt) {
  TestServer server(users());
  Client late(server, "late", "l");
  EXPECT_FALSE(late.run_until([&] { return late.bus().connected(); }, std::chrono::seconds(1)));
  auto more = users();
  more.push_back({.actor = "late", .password = "l"});
  server.reload(more);
  EXPECT_TRUE(late.connect());
}

TEST(Bus, NobodyPublishesUnderAnothersNameOrForgesEvents) {
  TestServer server(users());
  Client store(server, "store", "s"), a(server, "a", "a");
  store.listen(kSubjects.all_api());
  Client watcher(server, "b", "b");
  watcher.listen(kSubjects.events_of({}));
  watcher.listen(kSubjects.replies(Actor("b")));
  ASSERT_TRUE(store.connect());
  ASSERT_TRUE(watcher.connect());
  ASSERT_TRUE(a.connect());
  a.say(kSubjects.api(Actor("b"), "get", "", "pods"), as_bytes("foreign"));
  a.say(kSubjects.event("", "pods", "d", "x"), as_bytes("forged event"));
  a.say(kSubjects.reply(Actor("b"), "1"), as_bytes("forged reply"));
  a.say(kSubjects.node_command(NodeName("n1"), "exec"), as_bytes("forged command"));
  a.say(kSubjects.api(Actor("a"), "get", "", "pods"), as_bytes("own"));
  ASSERT_TRUE(store.run_until([&] { return !store.heard.empty(); }));
  ASSERT_EQ(store.heard.size(), 1u);
  EXPECT_EQ(as_text(store.heard[0].payload.view()), "own");
  // What the store says now comes after all that was forged.
  store.say(kSubjects.event("", "pods", "d", "x"), as_bytes("real"));
  ASSERT_TRUE(watcher.run_until([&] { return !watcher.heard.empty(); }));
  EXPECT_EQ(as_text(watcher.heard[0].payload.view()), "real");
}

TEST(Bus, AKubeletHearsItsOwnNodeAlone) {
  TestServer server(users());
  Client store(server, "store", "s"), kubelet(server, "kubelet:n1", "k");
  kubelet.listen(kSubjects.events_of({"", "", "", "", "n2"}));
  kubelet.listen(kSubjects.events_of({}));
  kubelet.listen(kSubjects.events_of({"", "", "", "", "n1"}));
  ASSERT_TRUE(kubelet.connect());
  ASSERT_TRUE(store.connect());
  // A subscription is in force once its connection has answered; publish until the permitted one is
  // heard.
  store.say(kSubjects.node_event("n2", "", "pods", "d", "x"), as_bytes("other"));
  store.say(kSubjects.event("", "secrets", "d", "x"), as_bytes("cluster"));
  while (kubelet.heard.empty()) {
    store.say(kSubjects.node_event("n1", "", "pods", "d", "x"), as_bytes("mine"));
    kubelet.run_until([&] { return !kubelet.heard.empty(); }, std::chrono::seconds(1));
  }
  for (const Message& m : kubelet.heard) EXPECT_EQ(as_text(m.payload.view()), "mine");
}

TEST(Bus, AReaderHearsItsLanesAlone) {
  TestServer server(users());
  Client store(server, "store", "s"), reader(server, "reader:r", "r");
  reader.listen(kSubjects.events_of({"", "secrets", "", "", ""}));
  reader.listen(kSubjects.events_of({"", "pods", "d", "", ""}));
  ASSERT_TRUE(reader.connect());
  ASSERT_TRUE(store.connect());
  while (reader.heard.empty()) {
    store.say(kSubjects.event("", "secrets", "d", "x"), as_bytes("secret"));
    store.say(kSubjects.event("", "pods", "d", "x"), as_bytes("pod"));
    reader.run_until([&] { return !reader.heard.empty(); }, std::chrono::seconds(1));
  }
  for (const Message& m : reader.heard) EXPECT_EQ(as_text(m.payload.view()), "pod");
}

TEST(Bus, WhatIsTooLargeIsRefusedWhole) {
  TestServer server(users());
  Client store(server, "store", "s");
  ASSERT_TRUE(store.connect());
  EXPECT_GE(store.bus().max_payload(), kMostMessageBytes);
  Buffer large(store.bus().max_payload() + 1);
  EXPECT_FALSE(store.say(kSubjects.event("", "pods", "d", "x"), large));
  EXPECT_TRUE(store.bus().connected());
}

TEST(Credentials, MissingFieldsAreNamed) {
  EXPECT_EQ(read_credentials("/nonexistent/file").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace kubus::bus
