#include "services/scheduler/scheduler.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "bus/kit/testing/cluster.h"

namespace kubus::scheduler {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct SchedulerTest : ::testing::Test {
  void start() {
    scheduler =
        std::make_unique<Scheduler>(c.host("scheduler").ports(), c.client_options("scheduler"));
  }
  void node(const std::string& name, const std::string& spec = "{}") {
    c.put("nodes", "", R"({"metadata":{"name":")" + name + R"("},"spec":)" + spec + "}");
  }
  void pod(const std::string& name, const std::string& spec = "") {
    c.put("pods", "d",
          R"({"metadata":{"name":")" + name + R"("},"spec":{)" + spec + (spec.empty() ? "" : ",") +
              R"("containers":[{"name":"c","image":"i"}]}})");
  }
  std::string where(const std::string& name) {
    Object o = c.store.find(kit::testing::key("pods", "d", name));
    return o ? o.field("spec.nodeName").value_or("") : "gone";
  }
  std::string message(const std::string& name) {
    auto value = c.get("pods", "d", name);
    const auto* status = value.as_object().if_contains("status");
    if (!status) return "";
    for (const auto& condition : status->at("conditions").as_array()) {
      if (condition.at("type") != "PodScheduled") continue;
      EXPECT_EQ(condition.at("status"), "False");
      EXPECT_EQ(condition.at("reason"), "Unschedulable");
      return std::string(condition.at("message").as_string());
    }
    return "";
  }

  kit::testing::Cluster c;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(SchedulerTest, SpreadsOverNodes) {
  for (const char* n : {"a", "b", "c"}) node(n);
  start();
  c.world.settle();
  std::map<std::string, int> count;
  for (int i = 0; i < 30; ++i) pod("p" + std::to_string(i));
  c.world.settle();
  for (int i = 0; i < 30; ++i) ++count[where("p" + std::to_string(i))];
  EXPECT_EQ(count, (std::map<std::string, int>{{"a", 10}, {"b", 10}, {"c", 10}}));
}

TEST_F(SchedulerTest, LeavesOthersPodsAlone) {
  node("a");
  pod("other", R"("schedulerName":"mine")");
  pod("bound", R"("nodeName":"z")");
  pod("own", R"("schedulerName":"default-scheduler")");
  start();
  c.world.settle();
  EXPECT_EQ(where("other"), "");
  EXPECT_EQ(where("bound"), "z");
  EXPECT_EQ(where("own"), "a");
  EXPECT_EQ(c.store.writes().size(), 1u);
}

TEST_F(SchedulerTest, SaysWhyAndComesBackWhenANodeSuits) {
  node("a", R"({"unschedulable":true})");
  start();
  pod("p");
  c.world.run_for(seconds(2));
  EXPECT_EQ(where("p"), "");
  EXPECT_EQ(message("p"), "0/1 nodes are available: 1 node(s) were unschedulable.");
  size_t writes = c.store.writes().size();
  c.world.run_for(seconds(300));
  EXPECT_EQ(c.store.writes().size(), writes) << "waiting costs nothing";
  node("a");
  c.world.settle();
  EXPECT_EQ(where("p"), "a");
  const wire::CauseT& cause = *c.store.writes().back().cause;
  EXPECT_EQ(cause.trigger, wire::Trigger::Event);
  EXPECT_EQ(cause.revisions.back(), c.store.revision().value() - 1) << "the Node's change";
}

TEST_F(SchedulerTest, AHeartbeatWakesNobody) {
  node("a", R"({"unschedulable":true})");
  start();
  pod("p");
  c.world.run_for(seconds(2));
  size_t writes = c.store.writes().size(), requests = c.store.requests();
  for (int i = 0; i < 5; ++i) {
    c.put("nodes", "",
          R"({"metadata":{"name":"a"},"spec":{"unschedulable":true},"status":)"
          R"({"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":)"
          R"("2026-11-23T05:00:0)" +
              std::to_string(i) + "Z\"}]}}");
    c.world.run_for(seconds(1));
  }
  EXPECT_EQ(c.store.writes().size(), writes);
  EXPECT_EQ(c.store.requests(), requests);
}

TEST_F(SchedulerTest, RoomThatIsFreedIsUsed) {
  c.put("nodes", "", R"({"metadata":{"name":"a"},"status":{"allocatable":{"pods":"1"}}})");
  start();
  pod("p");
  c.world.run_for(seconds(1));
  pod("q");
  c.world.run_for(seconds(1));
  EXPECT_EQ(message("q"), "0/1 nodes are available: 1 Too many pods.");
  c.erase("pods", "d", "p");
  c.world.run_for(seconds(1));
  EXPECT_EQ(where("q"), "a");
}

TEST_F(SchedulerTest, APodThatGoesIsForgotten) {
  start();
  pod("p");
  c.world.run_for(seconds(1));
  EXPECT_EQ(message("p"), "no nodes available to schedule pods");
  c.erase("pods", "d", "p");
  c.world.run_for(seconds(1));
  size_t writes = c.store.writes().size();
  node("a");
  c.world.run_for(seconds(10));
  EXPECT_EQ(c.store.writes().size(), writes);
}

TEST_F(SchedulerTest, BindsOnceWhateverGoesWrong) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    kit::testing::Cluster chaos(seed);
    auto put = [&](const char* resource, const char* ns, const std::string& name) {
      chaos.put(resource, ns, R"({"metadata":{"name":")" + name + "\"}}");
    };
    auto make = [&] {
      return std::make_unique<Scheduler>(chaos.host("scheduler").ports(),
                                         chaos.client_options("scheduler"));
    };
    put("nodes", "", "a");
    put("nodes", "", "b");
    auto running = make();
    bus::Random& random = chaos.world.random();
    for (int i = 0; i < 20; ++i) {
      put("pods", "d", "p" + std::to_string(i));
      chaos.world.faults().drop = static_cast<unsigned>(random.below(200));
      if (random.below(4) == 0) chaos.host("scheduler").overrun();
      if (random.below(6) == 0) {
        running.reset();
        running = make();
      }
      chaos.world.run_for(milliseconds(random.below(500)));
    }
    chaos.world.faults().drop = 0;
    chaos.world.run_for(seconds(120));
    std::map<std::string, int> bound;
    for (int i = 0; i < 20; ++i) {
      Object o = chaos.store.find(kit::testing::key("pods", "d", "p" + std::to_string(i)));
      ++bound[o.field("spec.nodeName").value_or("")];
    }
    EXPECT_EQ(bound["a"] + bound["b"], 20);
    EXPECT_EQ(chaos.store.writes().size(), 20u);
  }
}

}  // namespace
}  // namespace kubus::scheduler
