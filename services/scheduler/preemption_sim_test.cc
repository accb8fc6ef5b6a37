// Preemption under faults: nobody is driven out in vain, no place is given twice, and who needed
// one has it in the end.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "bus/kit/testing/cluster.h"
#include "services/scheduler/scheduler.h"
#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::NodeText;
using testing::PodText;

// Two nodes with room for two Pods each, full of unimportant ones: on-a-0, on-a-1, on-b-0, on-b-1.
struct Sim {
  explicit Sim(uint64_t seed = 1) : c(seed) {
    for (const char* n : {"a", "b"}) {
      c.put("nodes", "", text(NodeText{.name = n, .pods = "2"}));
      for (const char* i : {"-0", "-1"}) {
        std::string name = std::string("on-") + n + i;
        pod({.name = name, .node = n, .priority = 1});
        low.insert(name);
      }
    }
  }

  void start() {
    running = std::make_unique<Scheduler>(c.host("scheduler").ports(),
                                          SchedulerOptions{.client = c.client_options("scheduler"),
                                                           .identity = "scheduler",
                                                           .lease_ttl = seconds(3)});
  }
  // Without a last word.
  void crash() {
    c.host("scheduler").set_connected(false);
    running.reset();
    c.host("scheduler").set_connected(true);
  }
  void pod(const PodText& p) { c.put("pods", "d", text(p)); }

  struct Seen {
    std::string node, nominated;
    bool going = false;
  };
  std::map<std::string, Seen> pods() const {
    std::map<std::string, Seen> out;
    for (const auto& [key, o] : c.store.state().objects()) {
      if (key.kind->resource != "pods") continue;
      Seen& s = out[key.name];
      s.node = o.field("spec.nodeName").value_or("");
      s.nominated = o.field("status.nominatedNodeName").value_or("");
      s.going = o.terminating();
    }
    return out;
  }
  // As kubelets do: who is ending is gone a while later.
  void reap() {
    for (const auto& [name, pod] : pods()) {
      if (!pod.going) continue;
      if (++ending[name] > 20) c.erase("pods", "d", name);
      driven_out.insert(name);
    }
  }
  void check() {
    std::map<std::string, int> on;
    for (const auto& [name, pod] : pods()) {
      if (!pod.node.empty()) {
        ASSERT_LE(++on[pod.node], 2) << pod.node << " is over its capacity";
      }
    }
    for (const std::string& name : driven_out) ASSERT_TRUE(low.contains(name)) << name;
  }
  bool run_until(const std::function<bool()>& done, bus::Duration limit) {
    for (bus::Duration t{}; t < limit; t += milliseconds(50)) {
      if (done()) return true;
      c.world.run_for(milliseconds(50));
      reap();
      check();
      if (::testing::Test::HasFatalFailure()) return false;
    }
    return done();
  }
  void run_for(bus::Duration d) {
    run_until([] { return false; }, d);
  }
  bool bound(const std::string& name) { return !pods()[name].node.empty(); }

  kit::testing::Cluster c;
  std::unique_ptr<Scheduler> running;
  std::set<std::string> low, driven_out;
  std::map<std::string, int> ending;
};

TEST(PreemptionSim, VictimsAreToldWhyAndGetTheirGrace) {
  Sim sim;
  sim.start();
  sim.run_for(seconds(1));
  sim.pod({.name = "vip", .priority = 9});
  ASSERT_TRUE(sim.run_until([&] { return !sim.driven_out.empty(); }, seconds(5)));
  std::string victim = *sim.driven_out.begin();
  auto value = sim.c.get("pods", "d", victim);
  EXPECT_EQ(value.at("metadata").at("deletionGracePeriodSeconds"), 30);
  const auto& condition = value.at("status").at("conditions").at(0);
  EXPECT_EQ(condition.at("type"), "DisruptionTarget");
  EXPECT_EQ(condition.at("status"), "True");
  EXPECT_EQ(condition.at("reason"), "PreemptionByScheduler");
  EXPECT_EQ(sim.pods()["vip"].nominated, sim.pods()[victim].node);
  ASSERT_TRUE(sim.run_until([&] { return sim.bound("vip"); }, seconds(10)));
  EXPECT_EQ(sim.driven_out.size(), 1u);
  bool told = false;
  for (const auto& [key, object] : sim.c.store.state().objects()) {
    if (key.kind->resource != "events") continue;
    auto e = sim.c.get("events", key.ns, key.name);
    if (e.at("reason") != "Preempted") continue;
    told = true;
    EXPECT_EQ(e.at("involvedObject").at("name"), boost::json::value(victim));
    EXPECT_EQ(e.at("message").as_string().find("Preempted by pod "), 0u);
  }
  EXPECT_TRUE(told);
}

TEST(PreemptionSim, ACrashAfterEachSingleWrite) {
  size_t writes = 0;  // of a life without a crash
  for (size_t crash_at = 0; crash_at <= writes; ++crash_at) {
    SCOPED_TRACE("a crash after write " + std::to_string(crash_at));
    Sim sim(crash_at + 1);
    sim.start();
    for (const char* name : {"vip-0", "vip-1"}) sim.pod({.name = name, .priority = 9});
    sim.pod({.name = "meek"});
    auto crashes = [&] { return crash_at > 0 && sim.c.store.writes().size() >= crash_at; };
    sim.run_until(crashes, seconds(15));
    if (crash_at > 0) {
      ASSERT_TRUE(crashes());
      sim.crash();
      sim.start();
    } else {
      writes = sim.c.store.writes().size();
    }
    ASSERT_TRUE(
        sim.run_until([&] { return sim.bound("vip-0") && sim.bound("vip-1"); }, seconds(60)));
    sim.run_for(seconds(5));
    EXPECT_EQ(sim.driven_out.size(), 2u) << "one for each, whatever happened";
    EXPECT_FALSE(sim.bound("meek"));
  }
  EXPECT_GT(writes, 5u);
}

TEST(PreemptionSim, AKeptPlaceOutlivesTheScheduler) {
  Sim sim;
  sim.start();
  sim.pod({.name = "vip", .priority = 9});
  ASSERT_TRUE(sim.run_until([&] { return !sim.driven_out.empty(); }, seconds(10)));
  std::string node = sim.pods()["vip"].nominated;
  ASSERT_NE(node, "");
  sim.crash();
  sim.c.erase("pods", "d", *sim.driven_out.begin());
  for (int i = 0; i < 5; ++i) sim.pod({.name = "meek-" + std::to_string(i)});
  sim.pod({.name = "vip", .created = "2026-11-23T05:00:09Z", .priority = 9, .nominated = node});
  sim.start();
  ASSERT_TRUE(sim.run_until([&] { return sim.bound("vip"); }, seconds(30)));
  sim.run_for(seconds(15));
  EXPECT_EQ(sim.pods()["vip"].node, node);
  EXPECT_EQ(sim.driven_out.size(), 1u);
}

TEST(PreemptionSim, ConvergesWhateverIsLost) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Sim sim(seed);
    sim.start();
    bus::Random& random = sim.c.world.random();
    sim.c.store.lose_events_percent(30);
    sim.c.store.double_events_percent(20);
    for (int i = 0; i < 3; ++i) {
      sim.pod({.name = "vip-" + std::to_string(i), .priority = 9});
      sim.c.world.faults().drop = static_cast<unsigned>(random.below(200));
      if (random.below(3) == 0) sim.crash(), sim.start();
      if (random.below(3) == 0) sim.c.store.lose_answers(1 + random.below(3));
      sim.run_for(milliseconds(random.below(3000)));
      if (HasFatalFailure()) return;
    }
    sim.c.world.faults().drop = 0;
    sim.c.store.lose_events_percent(0);
    sim.c.store.lose_answers(0);
    auto all = [&] { return sim.bound("vip-0") && sim.bound("vip-1") && sim.bound("vip-2"); };
    ASSERT_TRUE(sim.run_until(all, seconds(200)));
    sim.run_for(seconds(20));
    for (const auto& [name, pod] : sim.pods()) EXPECT_FALSE(pod.going) << name;
  }
}

TEST(PreemptionSim, AVictimThatIsGoneMeanwhile) {
  Sim sim;
  sim.start();
  sim.run_for(seconds(1));
  sim.c.store.away(true);
  sim.pod({.name = "vip", .priority = 9});
  sim.run_for(milliseconds(200));
  for (const std::string& name : sim.low) sim.c.erase("pods", "d", name);
  sim.c.store.away(false);
  ASSERT_TRUE(sim.run_until([&] { return sim.bound("vip"); }, seconds(60)));
  EXPECT_TRUE(sim.driven_out.empty());
}

}  // namespace
}  // namespace kubus::scheduler
