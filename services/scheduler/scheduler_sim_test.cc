// The scheduler under faults: safety at every moment, and an end where all is bound that fits.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "bus/kit/testing/cluster.h"
#include "schemas/lib/quantity.h"
#include "services/scheduler/scheduler.h"
#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::NodeText;
using testing::PodText;

struct Sim {
  explicit Sim(uint64_t seed) : c(seed) {}

  std::unique_ptr<Scheduler> make(const std::string& actor) {
    return std::make_unique<Scheduler>(
        c.host(actor).ports(),
        SchedulerOptions{
            .client = c.client_options(actor), .identity = actor, .lease_ttl = seconds(3)});
  }
  // Without a last word.
  void crash(std::unique_ptr<Scheduler>* running, const std::string& actor) {
    c.host(actor).set_connected(false);
    running->reset();
    c.host(actor).set_connected(true);
  }
  void node(const NodeText& n) {
    c.put("nodes", "", text(n));
    rooms[n.name] = std::stoi(n.pods);
  }
  void pod(const PodText& p) { c.put("pods", "d", text(p)); }

  std::map<std::string, std::string> places() const {
    std::map<std::string, std::string> out;
    for (const auto& [key, object] : c.store.state().objects()) {
      if (key.kind->resource != "pods") continue;
      out[key.name] = object.field("spec.nodeName").value_or("");
    }
    return out;
  }

  // No Pod moved, no node has more than it has room for.
  void check() {
    if (std::exchange(checked, c.store.revision()) == c.store.revision()) return;
    std::map<std::string, int> on;
    for (const auto& [pod, node] : places()) {
      if (node.empty()) continue;
      auto [first, fresh] = bound.emplace(pod, node);
      ASSERT_EQ(first->second, node) << pod << " was bound twice";
      ASSERT_LE(++on[node], rooms.at(node)) << node << " is over its capacity";
    }
  }

  // Looks after each step, at most `limit`. Whether `done` came true.
  bool run_until(const std::function<bool()>& done, bus::Duration limit) {
    for (bus::Duration t{}; t < limit; t += milliseconds(10)) {
      if (done()) return true;
      c.world.run_for(milliseconds(10));
      check();
      if (::testing::Test::HasFatalFailure()) return false;
    }
    return done();
  }
  void run_for(bus::Duration d) {
    run_until([] { return false; }, d);
  }
  size_t count_bound() const {
    size_t n = 0;
    for (const auto& [pod, node] : places()) n += !node.empty();
    return n;
  }

  kit::testing::Cluster c;
  Revision checked;
  std::map<std::string, int> rooms;
  std::map<std::string, std::string> bound;  // every Pod that ever was
};

TEST(SchedulerSim, ACrashAfterEachSingleWrite) {
  size_t writes = 0;  // of a life without a crash
  for (size_t crash_at = 0; crash_at <= writes; ++crash_at) {
    SCOPED_TRACE("a crash after write " + std::to_string(crash_at));
    Sim sim(crash_at + 1);
    sim.node({.name = "a", .pods = "2"});
    sim.node({.name = "b", .pods = "1"});
    auto running = sim.make("scheduler");
    for (int i = 0; i < 5; ++i) sim.pod({.name = "p" + std::to_string(i)});
    bool grown = false;
    auto done = [&] {
      if (sim.count_bound() == 3 && !std::exchange(grown, true))
        sim.node({.name = "n", .pods = "1"});
      return crash_at > 0 && sim.c.store.writes().size() >= crash_at;
    };
    sim.run_until(done, seconds(8));
    if (crash_at > 0) {
      ASSERT_GE(sim.c.store.writes().size(), crash_at);
      sim.crash(&running, "scheduler");
      running = sim.make("scheduler");
    } else {
      writes = sim.c.store.writes().size();
    }
    sim.run_until([&] { return done(), sim.count_bound() == 4; }, seconds(30));
    sim.run_for(seconds(11));
    ASSERT_EQ(sim.count_bound(), 4u);
    EXPECT_EQ(running->engine().sizes().waiting, 1u);
  }
  EXPECT_GT(writes, 5u);
}

TEST(SchedulerSim, AStaleViewNeverOverfills) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Sim sim(seed);
    sim.node({.name = "a", .pods = "6"});
    sim.node({.name = "b", .pods = "5"});
    auto running = sim.make("scheduler");
    bus::Random& random = sim.c.world.random();
    sim.c.store.lose_events_percent(30);
    sim.c.store.double_events_percent(20);
    for (int i = 0; i < 20; ++i) {
      sim.pod({.name = "p" + std::to_string(i)});
      sim.c.world.faults().drop = static_cast<unsigned>(random.below(200));
      if (random.below(4) == 0) sim.c.host("scheduler").overrun();
      if (random.below(6) == 0) {
        sim.crash(&running, "scheduler");
        running = sim.make("scheduler");
      }
      if (random.below(6) == 0) sim.c.store.lose_answers(1 + random.below(3));
      sim.run_for(milliseconds(random.below(500)));
      if (HasFatalFailure()) return;
    }
    sim.c.world.faults().drop = 0;
    sim.c.store.lose_events_percent(0);
    sim.c.store.lose_answers(0);
    ASSERT_TRUE(sim.run_until([&] { return sim.count_bound() == 11; }, seconds(200)));
    sim.run_for(seconds(20));
    EXPECT_EQ(running->engine().sizes(), (Queue::Sizes{.waiting = 9, .classes = 1}));
  }
}

TEST(SchedulerSim, ANodeLostWhileItsBindingIsUnderWay) {
  Sim sim(1);
  sim.node({.name = "a", .pods = "9"});
  auto running = sim.make("scheduler");
  sim.run_for(seconds(1));
  sim.c.store.answer_after(seconds(1));
  sim.pod({.name = "p"});
  sim.run_for(milliseconds(20));
  sim.c.erase("nodes", "", "a");
  sim.pod({.name = "q"});
  sim.run_for(seconds(5));
  EXPECT_EQ(sim.places()["p"], "a") << "for whoever collects the Pods of lost nodes";
  EXPECT_EQ(sim.places()["q"], "");
  sim.node({.name = "b"});
  sim.run_for(seconds(20));
  EXPECT_EQ(sim.places()["q"], "b");
}

TEST(SchedulerSim, APodThatGoesWhileItsBindingIsUnderWay) {
  Sim sim(1);
  sim.node({.name = "a", .pods = "1"});
  auto running = sim.make("scheduler");
  sim.run_for(seconds(1));
  sim.c.store.away(true);
  sim.pod({.name = "p"});
  sim.run_for(milliseconds(100));
  sim.c.erase("pods", "d", "p");
  sim.pod({.name = "p", .uid = "another"});
  sim.c.store.away(false);
  ASSERT_TRUE(sim.run_until([&] { return sim.places()["p"] == "a"; }, seconds(60)));
  sim.run_for(seconds(20));
  EXPECT_EQ(running->engine().sizes(), Queue::Sizes());
}

TEST(SchedulerSim, TwoSchedulersChangePlaces) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Sim sim(seed);
    sim.node({.name = "a", .pods = "12"});
    sim.node({.name = "b", .pods = "11"});
    std::map<std::string, std::unique_ptr<Scheduler>> running;
    for (const char* actor : {"scheduler:a", "scheduler:b"}) running[actor] = sim.make(actor);
    bus::Random& random = sim.c.world.random();
    std::set<std::string> led;
    int pods = 0;
    for (int round = 0; round < 6; ++round) {
      for (int i = 0; i < 5; ++i) sim.pod({.name = "p" + std::to_string(pods++)});
      sim.run_for(milliseconds(random.below(30)));
      // The leader cannot be reached for a while, and does not know what happens meanwhile.
      for (auto& [actor, scheduler] : running) {
        if (!scheduler->leads()) continue;
        led.insert(actor);
        sim.c.host(actor).set_connected(false);
        sim.pod({.name = "p" + std::to_string(pods++)});
        sim.run_for(seconds(round == 0 ? 12 : random.below(8)));
        sim.c.host(actor).set_connected(true);
        break;
      }
      sim.run_for(milliseconds(random.below(3000)));
      if (HasFatalFailure()) return;
    }
    ASSERT_TRUE(sim.run_until([&] { return sim.count_bound() == 23; }, seconds(120)));
    sim.run_for(seconds(20));
    EXPECT_EQ(sim.count_bound(), 23u);
    EXPECT_EQ(led.size(), 2u);
  }
}

// The one that led comes back with its request of before, when another has filled the node.
TEST(SchedulerSim, WhatAnOldLeaderStillSendsIsRefused) {
  Sim sim(3);
  sim.node({.name = "a", .pods = "1"});
  auto old = sim.make("scheduler:a");
  sim.run_for(seconds(1));
  ASSERT_TRUE(old->leads());
  auto next = sim.make("scheduler:b");
  sim.run_for(seconds(1));
  sim.c.store.away(true);
  sim.pod({.name = "p"});
  sim.run_for(milliseconds(50));
  EXPECT_TRUE(old->engine().assumed("d/p"));
  sim.c.host("scheduler:a").set_connected(false);
  sim.pod({.name = "q", .spec = R"("priority":7)"});
  sim.c.store.away(false);
  ASSERT_TRUE(sim.run_until([&] { return sim.places()["q"] == "a"; }, seconds(7)));
  EXPECT_TRUE(next->leads());
  sim.c.host("scheduler:a").set_connected(true);
  sim.run_for(seconds(60));
  EXPECT_FALSE(old->leads());
  EXPECT_EQ(sim.places()["p"], "");
}

// It has heard nothing since it began, but that there is a lease to take.
TEST(SchedulerSim, ANewLeaderLooksBeforeItDecides) {
  Sim sim(4);
  auto old = sim.make("scheduler:a");
  sim.run_for(seconds(1));
  ASSERT_TRUE(old->leads());
  sim.c.host("scheduler:a").set_connected(false);
  sim.node({.name = "a", .pods = "1"});
  sim.pod({.name = "p"});
  sim.pod({.name = "q", .spec = R"("priority":7)"});
  bus::Subjects subjects(ClusterName("test"));
  sim.c.host("scheduler:b")
      .set_permissions({.publish = {}, .subscribe = {subjects.replies(Actor("scheduler:b"))}});
  auto next = sim.make("scheduler:b");
  sim.run_for(milliseconds(100));
  sim.c.host("scheduler:a").set_connected(true);
  ASSERT_TRUE(sim.run_until([&] { return sim.count_bound() == 1; }, seconds(2)));
  sim.crash(&old, "scheduler:a");
  ASSERT_TRUE(sim.run_until([&] { return next->leads(); }, seconds(20)));
  sim.run_for(seconds(120));
  EXPECT_EQ(sim.count_bound(), 1u);
}

TEST(SchedulerSim, TheSameSeedGivesTheSameTrace) {
  auto life = [](uint64_t seed) {
    Sim sim(seed);
    sim.c.world.keep_trace(true);
    for (const char* n : {"a", "b", "c", "e"}) sim.node({.name = n});
    auto running = sim.make("scheduler");
    for (int i = 0; i < 15; ++i) sim.pod({.name = "p" + std::to_string(i)});
    sim.run_for(seconds(3));
    EXPECT_EQ(sim.count_bound(), 15u);
    return sim.c.world.trace();
  };
  EXPECT_EQ(life(5), life(5));
  EXPECT_NE(life(5), life(6));
}

}  // namespace
}  // namespace kubus::scheduler
