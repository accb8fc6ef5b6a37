// The bridge in the simulator: a target that goes away, loses answers and comes back; a bridge that
// dies; a past that is compacted.
#include "services/bridge/bridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bus/kit/testing/cluster.h"
#include "services/bridge/sinks/nats_subjects.h"
#include "services/bridge/sinks/webhook.h"
#include "services/bridge/testing/target.h"

namespace kubus::bridge {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct BridgeTest : ::testing::Test {
  explicit BridgeTest(uint64_t seed = 1) : c(seed) {
    options.name = "r";
    options.from = RouteOptions::From::kBeginning;
  }

  // One life of the bridge.
  struct Life {
    Life(BridgeTest& t)
        : ports(t.c.host("bridge").ports()),
          client(ports, t.target),
          positions(ports.workers, t.disk),
          bridge(ports, t.c.client_options("bridge"), positions) {}
    bus::Ports ports;
    testing::FakeClient client;
    testing::MemoryPositions positions;
    Bridge bridge;
  };

  void start_with(std::unique_ptr<Sink> (BridgeTest::*make)()) {
    life = std::make_unique<Life>(*this);
    std::vector<Bridge::Leg> legs;
    legs.push_back({options, (this->*make)()});
    ASSERT_TRUE(life->bridge.start(std::move(legs)).ok());
  }
  void start() { start_with(&BridgeTest::make_webhook); }
  std::unique_ptr<Sink> make_webhook() {
    WebhookOptions w{.route = "r", .shown = "http://t/", .batched = batched, .drop_refused = drop};
    return std::make_unique<Webhook>(life->ports.log, life->client, w);
  }
  std::unique_ptr<Sink> make_nats() {
    return std::make_unique<NatsSubjects>(life->ports, life->bridge.subjects(),
                                          NatsOptions{"r", ""});
  }
  // Without a last word.
  void die() {
    c.host("bridge").set_connected(false);
    life.reset();
    c.host("bridge").set_connected(true);
  }
  const Route& route() const { return *life->bridge.routes().front(); }

  void put(int n, const std::string& name = "m") {
    for (int i = 0; i < n; ++i)
      c.put("configmaps", "d",
            R"({"metadata":{"name":")" + name + R"("},"data":{"n":")" + std::to_string(++writes) +
                "\"}}");
  }
  // Each revision from..to, first occurrences in order, repetitions only of what was there.
  void expect_all(uint64_t from, uint64_t to) {
    uint64_t next = from;
    for (uint64_t r : target.revisions()) {
      ASSERT_LE(r, next) << "revision " << next << " is missing";
      if (r == next) ++next;
    }
    EXPECT_EQ(next, to + 1);
  }
  bool delivers(uint64_t last, bus::Duration within = minutes(10)) {
    return c.world.run_until(
        [&] { return !target.events.empty() && target.revisions().back() >= last; }, within);
  }

  kit::testing::Cluster c;
  RouteOptions options;
  testing::Target target;
  testing::Disk disk;
  bool batched = false, drop = false;
  int writes = 0;
  std::unique_ptr<Life> life;
};

TEST_F(BridgeTest, BringsThePastThenThePresent) {
  put(10);
  start();
  c.world.settle();
  c.world.run_for(seconds(1));
  put(5);
  ASSERT_TRUE(delivers(15));
  expect_all(1, 15);
  EXPECT_EQ(target.events.size(), 15u);
  EXPECT_EQ(target.events[0]["source"], "/kubus/test");
  EXPECT_EQ(target.events[0]["type"], "io.kubus.configmaps.added");
  EXPECT_EQ(target.posts[0].headers.back().second, "application/cloudevents+json; charset=utf-8");
}

TEST_F(BridgeTest, FromNowMeansNow) {
  put(10);
  options.from = RouteOptions::From::kNow;
  start();
  c.world.run_for(seconds(1));
  put(3);
  ASSERT_TRUE(delivers(13));
  expect_all(11, 13);
}

TEST_F(BridgeTest, OnlyWhatTheFilterWants) {
  options.filter.namespaces = {"e"};
  start();
  put(5);
  c.put("configmaps", "e", R"({"metadata":{"name":"x"}})");
  put(5);
  c.world.run_for(seconds(10));
  EXPECT_EQ(target.revisions(), (std::vector<uint64_t>{6}));
  EXPECT_EQ(route().position(), Revision(11));
  EXPECT_EQ(disk.positions["r"], Revision(11));  // what is not wanted is not looked through again
}

TEST_F(BridgeTest, ATargetThatIsAwayCostsAFullQueueAndIsCaughtUp) {
  options.most_waiting = 50;
  start();
  put(1);
  ASSERT_TRUE(delivers(1));
  target.down = true;
  size_t before = target.requests;
  for (int minute = 0; minute < 60; ++minute) {
    put(20);
    c.world.run_for(minutes(1));
    ASSERT_LE(route().waiting(), 50u);
  }
  EXPECT_FALSE(route().trouble().empty());
  EXPECT_LT(target.requests - before, 200u);  // it is not hammered
  size_t asked = c.store.requests();
  c.world.run_for(hours(1));
  EXPECT_EQ(c.store.requests(), asked);  // the store has no work with it
  target.down = false;
  ASSERT_TRUE(delivers(1201));
  expect_all(1, 1201);
  EXPECT_EQ(target.events.size(), 1201u);
  EXPECT_TRUE(route().trouble().empty());
}

TEST_F(BridgeTest, AQueueIsBoundedInBytesToo) {
  options.most_waiting_bytes = 10'000;
  target.down = true;
  start();
  put(500);
  c.world.run_for(minutes(1));
  EXPECT_LT(route().waiting_bytes(), 11'500u);
  target.down = false;
  ASSERT_TRUE(delivers(500));
  expect_all(1, 500);
}

TEST_F(BridgeTest, GoesOnWhereItWasAfterADeath) {
  start();
  put(20);
  ASSERT_TRUE(delivers(20));
  c.world.run_for(milliseconds(100));
  die();
  put(20);
  start();
  ASSERT_TRUE(delivers(40));
  expect_all(1, 40);
  EXPECT_LE(target.events.size(), 42u);
}

TEST_F(BridgeTest, WhatIsCompactedIsToldAsLost) {
  start();
  put(5);
  ASSERT_TRUE(delivers(5));
  c.world.run_for(seconds(1));
  die();
  put(20);
  c.store.compact(Revision(15));
  start();
  c.world.run_for(seconds(5));
  put(2);
  ASSERT_TRUE(delivers(27));
  const auto& lost = target.events[5];
  EXPECT_EQ(lost.at("type"), "io.kubus.bridge.lost");
  EXPECT_EQ(lost.at("data").at("after"), 5);
  uint64_t until = lost.at("data").at("until").to_number<uint64_t>();
  EXPECT_EQ(until, 15u);
  std::vector<uint64_t> rest = target.revisions();
  rest.erase(rest.begin(), rest.begin() + 6);
  for (size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(rest[i], until + 1 + i);
  EXPECT_EQ(route().stats().losses, 1u);
}

TEST_F(BridgeTest, ABeginningThatIsCompactedIsNoLoss) {
  put(20);
  c.store.compact(Revision(15));
  start();
  c.world.run_for(seconds(1));
  put(1);
  ASSERT_TRUE(delivers(21));
  EXPECT_EQ(target.events[0]["type"], "io.kubus.configmaps.modified");
}

TEST_F(BridgeTest, BatchesArriveWhole) {
  batched = true;
  target.latency = milliseconds(500);
  start();
  put(250);
  ASSERT_TRUE(delivers(250));
  expect_all(1, 250);
  EXPECT_LE(target.posts.size(), 5u);
  EXPECT_EQ(target.posts[0].headers.back().second,
            "application/cloudevents-batch+json; charset=utf-8");
}

TEST_F(BridgeTest, ARefusedBatchIsSentOneByOne) {
  batched = true;
  target.latency = milliseconds(100);
  target.refuse_batches_over = 10;
  start();
  put(100);
  ASSERT_TRUE(delivers(100));
  expect_all(1, 100);
}

TEST_F(BridgeTest, ARefusedEventIsTriedForEverUnlessTheRouteSaysOtherwise) {
  target.refuse_name = "bad";
  start();
  put(2);
  put(1, "bad");
  put(2);
  c.world.run_for(minutes(5));
  EXPECT_EQ(target.revisions(), (std::vector<uint64_t>{1, 2}));
  EXPECT_THAT(route().trouble(), ::testing::HasSubstr("answers 400: no such thing"));
  die();
  drop = true;
  start();
  ASSERT_TRUE(delivers(5));
  EXPECT_EQ(target.revisions(), (std::vector<uint64_t>{1, 2, 4, 5}));
}

TEST_F(BridgeTest, RetryAfterIsHonoured) {
  target.answer = HttpAnswer{429, 60, "slowly"};
  start();
  put(1);
  c.world.run_for(seconds(59));
  EXPECT_EQ(target.requests, 1u);
  target.answer.reset();
  ASSERT_TRUE(delivers(1, seconds(10)));
}

TEST_F(BridgeTest, AFullDiskStopsNoEvents) {
  disk.full = true;
  start();
  put(5);
  ASSERT_TRUE(delivers(5));
  disk.full = false;
  c.world.run_for(seconds(10));
  EXPECT_EQ(disk.positions["r"], Revision(5));
}

TEST_F(BridgeTest, NatsSubjectsCarryTheEvents) {
  bus::Ports listener = c.host("listener").ports();
  std::vector<std::string> heard;
  auto subscription = listener.bus.subscribe(
      bus::Pattern::given("kubus.test.cloudevents.*.*.*.*"), [&](bus::Message m) {
        heard.push_back(
            m.subject + " " +
            std::string(boost::json::parse(as_text(m.payload.view())).at("id").as_string()));
      });
  c.world.settle();
  start_with(&BridgeTest::make_nats);
  put(1);
  c.put("nodes", "", R"({"metadata":{"name":"n.1"}})");
  c.world.run_for(seconds(1));
  EXPECT_EQ(heard, (std::vector<std::string>{"kubus.test.cloudevents._.configmaps.d.m 1",
                                             "kubus.test.cloudevents._.nodes._.n/1 2"}));
  c.host("bridge").set_connected(false);
  put(2);
  c.world.run_for(seconds(1));
  c.host("bridge").set_connected(true);
  c.world.run_for(seconds(30));
  ASSERT_GE(heard.size(), 4u);
  EXPECT_EQ(heard.back(), "kubus.test.cloudevents._.configmaps.d.m 4");
  EXPECT_EQ(route().position(), Revision(4));
}

TEST_F(BridgeTest, WhatTheServerDoesNotTakeIsSentAgain) {
  c.world.faults().lose = [this](const std::string&, const std::string&,
                                 const std::string& subject) {
    return target.down && subject.find(".cloudevents.marker.") != subject.npos;
  };
  target.down = true;
  start_with(&BridgeTest::make_nats);
  put(3);
  c.world.run_for(seconds(20));
  EXPECT_EQ(route().stats().delivered, 0u);
  target.down = false;
  c.world.run_for(minutes(1));
  EXPECT_EQ(route().stats().delivered, 3u);
}

// All at once, by seed: the target is away, fails and loses answers; the bus loses and doubles
// messages; the store goes away; the bridge dies at any moment.
struct BridgeSim : BridgeTest, ::testing::WithParamInterface<int> {
  BridgeSim() : BridgeTest(static_cast<uint64_t>(GetParam())) {}
};

TEST_P(BridgeSim, EveryEventAtLeastOnceAndInOrder) {
  bus::Random& random = c.world.random();
  auto chance = [&](uint64_t percent) { return random.below(100) < percent; };
  batched = chance(50);
  options.most_waiting = 1 + random.below(40);
  target.fail = 100;
  target.lose = 100;
  c.world.faults().drop = 20;
  c.world.faults().duplicate = 20;
  start();
  for (int step = 0; step < 120; ++step) {
    if (chance(60)) put(static_cast<int>(random.below(8)));
    if (chance(10)) target.down = !target.down;
    if (chance(10)) c.restart_store(milliseconds(random.below(4000)));
    if (chance(10)) disk.full = !disk.full;
    if (chance(15)) {
      die();
      c.world.run_for(milliseconds(random.below(3000)));
      start();
    }
    c.world.run_for(milliseconds(random.below(2000)));
    ASSERT_LE(route().waiting(), options.most_waiting);
  }
  target.down = disk.full = false;
  target.fail = target.lose = 0;
  c.world.faults().drop = c.world.faults().duplicate = 0;
  put(1);
  ASSERT_TRUE(delivers(static_cast<uint64_t>(writes)));
  expect_all(1, static_cast<uint64_t>(writes));
}

INSTANTIATE_TEST_SUITE_P(Seeds, BridgeSim, ::testing::Range(1, 25));

}  // namespace
}  // namespace kubus::bridge
