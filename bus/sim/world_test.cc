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

}  // namespace
}  // namespace kubus::bus::sim
