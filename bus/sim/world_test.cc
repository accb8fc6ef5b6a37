#include "bus/sim/world.h"

#include <gtest/gtest.h>

namespace kubus::bus::sim {
namespace {

const Subjects kSubjects{ClusterName("t")};

Subject event(const std::string& name) {
  return kSubjects.event("", "pods", "d", name);
}

struct Talk {
  World world;
  Host &a, &b;
  std::vector<std::string> heard;
  std::unique_ptr<Subscription> subscription;

  explicit Talk(uint64_t seed) : world(seed), a(world.add_host("a")), b(world.add_host("b")) {
    world.keep_trace(true);
    subscription = b.ports().bus.subscribe(kSubjects.events_of({}), [this](Message m) {
      heard.emplace_back(as_text(m.payload.view()));
    });
  }
  void say(int n) {
    for (int i = 0; i < n; ++i) a.ports().bus.publish(event("x"), as_bytes(std::to_string(i)));
  }
};

TEST(SimBus, APublishersMessagesArriveInOrder) {
  Talk t(1);
  t.say(100);
  EXPECT_TRUE(t.world.settle());
  ASSERT_EQ(t.heard.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(t.heard[static_cast<size_t>(i)], std::to_string(i));
}

TEST(SimBus, TheSameSeedGivesTheSameTrace) {
  auto run = [](uint64_t seed) {
    Talk t(seed);
    t.world.faults().drop = 200;
    t.say(50);
    t.world.settle();
    return t.world.trace();
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(SimBus, DropsHappenWhenAskedFor) {
  Talk t(3);
  t.world.faults().drop = 500;
  t.say(200);
  t.world.settle();
  EXPECT_LT(t.heard.size(), 150u);
  EXPECT_GT(t.heard.size(), 50u);
}

TEST(SimBus, WhoIsCutOffHearsNothingAndIsToldSo) {
  Talk t(1);
  std::vector<BusState> states;
  auto watch = t.b.ports().bus.watch_state([&](BusState s) { states.push_back(s); });
  t.say(1);
  t.b.set_connected(false);  // what is on its way is lost too
  t.say(1);
  t.world.settle();
  EXPECT_TRUE(t.heard.empty());
  EXPECT_FALSE(t.b.ports().bus.publish(event("x"), {}));
  t.b.set_connected(true);
  t.say(1);
  t.world.settle();
  EXPECT_EQ(t.heard.size(), 1u);
  EXPECT_EQ(states,
            (std::vector{BusState::kConnected, BusState::kDisconnected, BusState::kConnected}));
}

TEST(SimBus, AnEndedSubscriptionIsSilent) {
  Talk t(1);
  t.say(1);
  t.subscription.reset();
  t.world.settle();
  EXPECT_TRUE(t.heard.empty());
}

TEST(SimBus, PermissionsHold) {
  Talk t(1);
  t.a.set_permissions({{Pattern::given("kubus.t.api.a.>")}, {}});
  t.say(1);
  t.world.settle();
  EXPECT_TRUE(t.heard.empty());
  EXPECT_EQ(t.a.complaints().size(), 1u);
}

TEST(SimBus, FaultsStrikeOnlyWhereTheyAreAskedFor) {
  Talk t(4);
  t.world.faults().drop = 1000;
  t.world.faults().only = {kSubjects.heads_of({})};
  t.say(3);
  t.world.settle();
  EXPECT_EQ(t.heard.size(), 3u);
  t.world.faults().only = {kSubjects.heads_of({}), kSubjects.events_of({})};
  t.say(3);
  t.world.settle();
  EXPECT_EQ(t.heard.size(), 3u);
  EXPECT_EQ(t.world.counts().at("drop"), 3u);
}

TEST(SimBus, ASlowLinkKeepsItsPublishersOrderAndOthersOvertakeIt) {
  Talk t(2);
  Host& c = t.world.add_host("c");
  t.world.faults().slow = 1000;
  t.say(20);
  t.world.faults().slow = 0;
  c.ports().bus.publish(event("x"), as_bytes("other"));
  t.world.settle();
  ASSERT_EQ(t.heard.size(), 21u);
  EXPECT_EQ(t.heard[0], "other");
  for (size_t i = 1; i <= 20; ++i) EXPECT_EQ(t.heard[i], std::to_string(i - 1));
  EXPECT_GT(t.world.now_ns(), 1'000'000'000);
  EXPECT_EQ(t.world.counts().at("slow"), 20u);
}

TEST(SimBus, DoubledMessagesArriveTwice) {
  Talk t(2);
  t.world.faults().duplicate = 1000;
  t.say(2);
  t.world.settle();
  EXPECT_EQ(t.heard, (std::vector<std::string>{"0", "0", "1", "1"}));
}

TEST(SimBus, WhatIsPausedHearsLaterAndInOrder) {
  Talk t(3);
  t.say(3);
  t.b.pause();
  t.world.run_for(std::chrono::minutes(1));
  EXPECT_TRUE(t.heard.empty());
  t.b.resume();
  t.a.ports().bus.publish(event("x"), as_bytes("3"));
  t.world.settle();
  EXPECT_EQ(t.heard, (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(t.world.counts().count("disconnect"), 0u);
}

struct Watched : Talk {
  explicit Watched(uint64_t seed) : Talk(seed) {
    watch = b.ports().bus.watch_state([this](BusState s) {
      states.push_back(s);
      if (s == BusState::kConnected) up_at.push_back(world.now_ns());
    });
  }
  std::vector<BusState> states;
  std::vector<int64_t> up_at;
  std::unique_ptr<Subscription> watch;
};

constexpr auto kUp = BusState::kConnected, kDown = BusState::kDisconnected,
               kLossy = BusState::kLossy;

TEST(SimBus, MoreThanWaitsForAPausedProcessIsLostAndItIsTold) {
  Watched t(3);
  t.world.faults().pending_messages = 4;
  t.b.pause();
  t.say(9);
  t.world.run_for(std::chrono::seconds(1));
  t.b.resume();
  t.world.settle();
  EXPECT_EQ(t.heard, (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(t.states, (std::vector{kUp, kLossy}));
  t.say(1);
  t.world.settle();
  EXPECT_EQ(t.heard.size(), 5u);
}

TEST(SimBus, WhoIsPausedTooLongHasBeenGivenUpByTheServer) {
  Watched t(3);
  t.b.pause();
  t.say(2);
  t.world.run_for(std::chrono::minutes(10));
  EXPECT_EQ(t.states.size(), 1u);
  t.b.resume();
  t.world.run_for(t.world.faults().reconnect_most);
  EXPECT_EQ(t.states, (std::vector{kUp, kDown, kUp}));
  EXPECT_TRUE(t.heard.empty());
  EXPECT_EQ(t.world.counts().at("given up by the server"), 1u);
}

TEST(SimBus, NobodyComesBackWhilePaused) {
  Watched t(3);
  t.b.pause();
  t.world.restart_server(std::chrono::seconds(1));
  t.world.run_for(std::chrono::minutes(1));
  EXPECT_FALSE(t.b.ports().bus.connected());
  EXPECT_EQ(t.states.size(), 1u);
  t.b.resume();
  t.world.run_for(t.world.faults().reconnect_most);
  EXPECT_EQ(t.states, (std::vector{kUp, kDown, kUp}));
}

TEST(SimBus, TimersAndJobsOfAPausedProcessWait) {
  World world(1);
  Host& h = world.add_host("h");
  std::string order;
  auto first = h.ports().clock.after(std::chrono::seconds(1), [&] { order += "1"; });
  auto gone = h.ports().clock.after(std::chrono::seconds(1), [&] { order += "x"; });
  auto second = h.ports().clock.after(std::chrono::seconds(2), [&] { order += "2"; });
  h.ports().workers.run(
      "lane", [&] { order += "j"; }, [&] { order += "d"; });
  h.pause();
  world.run_for(std::chrono::seconds(5));
  EXPECT_EQ(order, "");
  gone.reset();
  h.resume();
  world.settle();
  EXPECT_EQ(order, "jd12");
}

TEST(SimBus, ACutIsSilentUntilItIsNoticed) {
  Watched t(5);
  t.say(1);
  t.b.cut(true);
  t.world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(t.b.ports().bus.publish(event("x"), as_bytes("into the void")));
  t.say(1);
  t.world.run_for(t.world.faults().ping_patience);
  EXPECT_TRUE(t.heard.empty());
  EXPECT_EQ(t.states, (std::vector{kUp, kDown}));
  EXPECT_FALSE(t.b.ports().bus.publish(event("x"), {}));
  t.world.run_for(std::chrono::minutes(1));
  t.b.cut(false);
  t.world.run_for(t.world.faults().reconnect_most);
  EXPECT_EQ(t.states, (std::vector{kUp, kDown, kUp}));
  t.say(1);
  t.world.settle();
  EXPECT_EQ(t.heard.size(), 1u);
  EXPECT_EQ(t.world.counts().at("cut"), 1u);
}

TEST(SimBus, AShortCutIsNeverNoticed) {
  Watched t(5);
  t.b.cut(true);
  t.say(1);
  t.world.run_for(std::chrono::seconds(5));
  t.b.cut(false);
  t.world.run_for(std::chrono::minutes(1));
  EXPECT_TRUE(t.heard.empty());
  EXPECT_EQ(t.states, (std::vector{kUp}));
}

TEST(SimBus, ARestartedServerLosesWhatWasUnderWayAndClientsComeBackOneByOne) {
  Watched t(6);
  std::vector<int64_t> a_up;
  auto watch = t.a.ports().bus.watch_state([&](BusState s) {
    if (s == kUp) a_up.push_back(t.world.now_ns());
  });
  t.say(1);
  t.world.restart_server(std::chrono::seconds(10));
  EXPECT_FALSE(t.a.ports().bus.publish(event("x"), {}));
  t.world.run_for(std::chrono::seconds(10));
  EXPECT_EQ(t.states, (std::vector{kUp, kDown}));
  t.world.run_for(t.world.faults().reconnect_most);
  EXPECT_EQ(t.states, (std::vector{kUp, kDown, kUp}));
  EXPECT_NE(t.up_at.back(), a_up.back());
  EXPECT_TRUE(t.heard.empty());
  t.say(1);
  t.world.settle();
  EXPECT_EQ(t.heard.size(), 1u);
}

TEST(SimBus, ANewHostMayComeToTheBusLate) {
  World world(1);
  world.faults().connect_most = std::chrono::seconds(1);
  Host& h = world.add_host("h");
  EXPECT_FALSE(h.ports().bus.connected());
  world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(h.ports().bus.connected());
}

TEST(SimBus, TheTraceIsHeardAsItComes) {
  Talk t(7);
  std::string heard;
  t.world.on_trace([&](std::string_view line) { heard += std::string(line) + "\n"; });
  t.say(3);
  t.world.settle();
  EXPECT_EQ(heard, t.world.trace());
  EXPECT_NE(heard.find("deliver b"), std::string::npos);
}

TEST(SimClock, OneHostsWallClockJumpsAlone) {
  World world(1);
  Host &h = world.add_host("h"), &other = world.add_host("other");
  int64_t wall = h.ports().clock.wall_ns();
  h.jump_wall_clock(std::chrono::hours(1));
  EXPECT_EQ(h.ports().clock.wall_ns(), wall + 3'600'000'000'000);
  EXPECT_EQ(other.ports().clock.wall_ns(), wall);
}

TEST(SimClock, TimersFireInOrderAndCancelWhenDestroyed) {
  World world(1);
  Host& h = world.add_host("h");
  std::string order;
  auto second = h.ports().clock.after(std::chrono::seconds(2), [&] { order += "2"; });
  auto first = h.ports().clock.after(std::chrono::seconds(1), [&] { order += "1"; });
  auto never = h.ports().clock.after(std::chrono::seconds(1), [&] { order += "x"; });
  never.reset();
  world.run_for(std::chrono::seconds(3));
  EXPECT_EQ(order, "12");
  EXPECT_EQ(world.now_ns(), 3'000'000'000);
}

TEST(SimClock, ATimerMayReplaceItself) {
  World world(1);
  Host& h = world.add_host("h");
  int ticks = 0;
  std::unique_ptr<Timer> timer;
  std::function<void()> tick = [&] {
    ++ticks;
    timer = h.ports().clock.after(std::chrono::seconds(1), tick);
  };
  tick();
  world.run_for(std::chrono::seconds(5));
  EXPECT_EQ(ticks, 6);
}

TEST(SimClock, TheWallClockJumpsAndTheOtherDoesNot) {
  World world(1);
  Host& h = world.add_host("h");
  int64_t wall = h.ports().clock.wall_ns();
  Instant now = h.ports().clock.now();
  world.jump_wall_clock(std::chrono::hours(-1));
  EXPECT_EQ(h.ports().clock.wall_ns(), wall - 3'600'000'000'000);
  EXPECT_EQ(h.ports().clock.now(), now);
}

TEST(SimWorkers, JobsOfALaneKeepTheirOrder) {
  World world(9);
  Host& h = world.add_host("h");
  std::string order;
  for (char c : std::string("abcdef")) {
    h.ports().workers.run(
        "lane", [&order, c] { order += c; }, [] {});
  }
  world.settle();
  EXPECT_EQ(order, "abcdef");
}

TEST(SimWorkers, ASlowLaneTakesLongAndOthersDoNot) {
  World world(9);
  Host& h = world.add_host("h");
  h.slow_lane("disk", std::chrono::minutes(1));
  std::string order;
  for (const char* lane : {"disk", "disk", "other"}) {
    h.ports().workers.run(
        lane, [&order, lane] { order += lane[0]; }, [] {});
  }
  world.settle(std::chrono::minutes(5));
  EXPECT_EQ(order, "odd");
  EXPECT_GT(world.now_ns(), 1'000'000'000);
  h.slow_lane("disk", {});
  h.ports().workers.run(
      "disk", [&order] { order += "x"; }, [] {});
  world.run_for(world.faults().latency_most);
  EXPECT_EQ(order, "oddx");
}

}  // namespace
}  // namespace kubus::bus::sim
