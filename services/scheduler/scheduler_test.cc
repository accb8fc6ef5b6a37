#include "services/scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "bus/kit/testing/cluster.h"
#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::NodeText;
using testing::PodText;

struct SchedulerTest : ::testing::Test {
  void start() {
    scheduler = std::make_unique<Scheduler>(
        c.host("scheduler").ports(),
        SchedulerOptions{.client = c.client_options("scheduler"), .identity = "scheduler"});
  }
  void node(const NodeText& n) { c.put("nodes", "", text(n)); }
  void pod(const PodText& p) { c.put("pods", "d", text(p)); }
  std::string where(const std::string& name) {
    Object o = c.store.find(kit::testing::key("pods", "d", name));
    return o ? o.field("spec.nodeName").value_or("") : "gone";
  }
  // Its condition PodScheduled: "Unschedulable: …".
  std::string said(const std::string& name) {
    auto value = c.get("pods", "d", name);
    const auto* status = value.as_object().if_contains("status");
    if (!status) return "";
    for (const auto& condition : status->at("conditions").as_array()) {
      if (condition.at("type") != "PodScheduled") continue;
      EXPECT_EQ(condition.at("status"), "False");
      return std::string(condition.at("reason").as_string()) + ": " +
             std::string(condition.at("message").as_string());
    }
    return "";
  }
  // Writes to Pods: requests that held one that was done.
  size_t pod_writes() {
    size_t n = 0;
    for (const auto& request : c.store.writes()) n += request.operations[0]->resource == "pods";
    return n;
  }
  std::vector<std::string> events() {
    std::vector<std::string> out;
    for (const auto& [key, object] : c.store.state().objects()) {
      if (key.kind->resource != "events") continue;
      auto e = c.get("events", key.ns, key.name);
      out.push_back(std::string(e.at("type").as_string()) + " " +
                    std::string(e.at("reason").as_string()) + ": " +
                    std::string(e.at("message").as_string()));
    }
    return out;
  }

  kit::testing::Cluster c;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(SchedulerTest, SpreadsOverNodes) {
  for (const char* n : {"a", "b", "c"}) node({.name = n});
  start();
  c.world.settle();
  std::map<std::string, int> count;
  for (int i = 0; i < 30; ++i) pod({.name = "p" + std::to_string(i)});
  c.world.settle();
  for (int i = 0; i < 30; ++i) ++count[where("p" + std::to_string(i))];
  EXPECT_EQ(count, (std::map<std::string, int>{{"a", 10}, {"b", 10}, {"c", 10}}));
  EXPECT_LT(pod_writes(), 10u) << "many bindings ride in one request";
}

TEST_F(SchedulerTest, LeadsAndBindsWithinAMomentOfItsStart) {
  node({.name = "a"});
  pod({.name = "p"});
  start();
  EXPECT_TRUE(c.world.run_until([&] { return where("p") == "a"; }, milliseconds(100)));
  scheduler.reset();
  c.world.settle();
  start();
  pod({.name = "q"});
  EXPECT_TRUE(c.world.run_until([&] { return where("q") == "a"; }, milliseconds(100)));
}

TEST_F(SchedulerTest, TellsWhatItDid) {
  node({.name = "a", .unschedulable = true});
  start();
  pod({.name = "p"});
  c.world.run_for(seconds(2));
  const std::string why = "0/1 nodes are available: 1 node(s) were unschedulable.";
  EXPECT_EQ(said("p"), "Unschedulable: " + why);
  EXPECT_EQ(events(), std::vector<std::string>{"Warning FailedScheduling: " + why});
  node({.name = "a"});
  c.world.run_for(seconds(2));
  EXPECT_THAT(events(),
              ::testing::UnorderedElementsAre("Warning FailedScheduling: " + why,
                                              "Normal Scheduled: Successfully assigned d/p to a"));
}

TEST_F(SchedulerTest, SaysWhatItHasNotRegarded) {
  node({.name = "a"});
  start();
  pod({.name = "p",
       .spec = R"("resourceClaims":[{"name":"gpu"}],)"
               R"("volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}])"});
  c.world.run_for(seconds(2));
  EXPECT_EQ(where("p"), "a");
  EXPECT_THAT(events(),
              ::testing::Contains("Warning NotRegarded: Scheduled without regard to "
                                  "spec.resourceClaims, spec.volumes[*].persistentVolumeClaim"));
}

TEST_F(SchedulerTest, LeavesOthersPodsAlone) {
  node({.name = "a"});
  pod({.name = "other", .spec = R"("schedulerName":"mine")"});
  pod({.name = "bound", .node = "z"});
  pod({.name = "own", .spec = R"("schedulerName":"default-scheduler")"});
  start();
  c.world.settle();
  EXPECT_EQ(where("other"), "");
  EXPECT_EQ(where("bound"), "z");
  EXPECT_EQ(where("own"), "a");
  EXPECT_EQ(pod_writes(), 1u);
}

TEST_F(SchedulerTest, WaitingCostsNothingAndEndsWhenANodeSuits) {
  node({.name = "a", .unschedulable = true});
  start();
  pod({.name = "p"});
  c.world.run_for(seconds(2));
  size_t writes = pod_writes(), events_before = events().size();
  c.world.run_for(std::chrono::minutes(18));
  EXPECT_EQ(pod_writes(), writes);
  EXPECT_EQ(events().size(), events_before);
  node({.name = "a"});
  Revision cause = c.store.revision();
  c.world.settle();
  EXPECT_EQ(where("p"), "a");
  const wire::CauseT* of_binding = nullptr;
  for (const auto& request : c.store.writes()) {
    if (request.operations[0]->subresource == "binding") of_binding = request.cause.get();
  }
  ASSERT_TRUE(of_binding);
  EXPECT_EQ(of_binding->trigger, wire::Trigger::Event);
  EXPECT_EQ(Revision(of_binding->revisions.back()), cause) << "the Node's change";
}

TEST_F(SchedulerTest, AHeartbeatWakesNobody) {
  NodeText n{.name = "a", .unschedulable = true};
  node(n);
  start();
  pod({.name = "p"});
  c.world.run_for(seconds(2));
  size_t writes = pod_writes();
  for (int i = 0; i < 5; ++i) {
    n.more_status = R"(,"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":)"
                    R"("2026-11-23T05:00:0)" +
                    std::to_string(i) + "Z\"}]";
    node(n);
    c.world.run_for(seconds(1));
  }
  EXPECT_EQ(pod_writes(), writes);
  EXPECT_EQ(scheduler->engine().sizes().waiting, 1u);
}

TEST_F(SchedulerTest, RoomThatIsFreedIsUsed) {
  node({.name = "a", .pods = "1"});
  start();
  pod({.name = "p"});
  c.world.run_for(seconds(1));
  pod({.name = "q"});
  c.world.run_for(seconds(1));
  EXPECT_EQ(said("q"), "Unschedulable: 0/1 nodes are available: 1 Too many pods.");
  c.erase("pods", "d", "p");
  c.world.run_for(seconds(1));
  EXPECT_EQ(where("q"), "a");
}

TEST_F(SchedulerTest, APodThatGoesIsForgotten) {
  start();
  pod({.name = "p"});
  c.world.run_for(seconds(1));
  EXPECT_EQ(said("p"), "Unschedulable: no nodes available to schedule pods");
  c.erase("pods", "d", "p");
  c.world.run_for(seconds(1));
  size_t writes = pod_writes();
  node({.name = "a"});
  c.world.run_for(seconds(10));
  EXPECT_EQ(pod_writes(), writes);
  EXPECT_EQ(scheduler->engine().sizes(), Queue::Sizes());
}

TEST_F(SchedulerTest, GatesHoldAPodBack) {
  node({.name = "a"});
  start();
  PodText p{.name = "p", .spec = R"("schedulingGates":[{"name":"quota"}])"};
  pod(p);
  c.world.run_for(seconds(2));
  EXPECT_EQ(where("p"), "");
  EXPECT_EQ(said("p"), "SchedulingGated: Scheduling is blocked due to non-empty scheduling gates");
  EXPECT_TRUE(events().empty());
  size_t writes = pod_writes();
  pod({.name = "p"});
  c.world.run_for(seconds(2));
  EXPECT_EQ(where("p"), "a");
  EXPECT_EQ(pod_writes(), writes + 1) << "the binding, and nothing about gates";
}

TEST_F(SchedulerTest, ABindingThatIsRefusedIsTriedAgain) {
  node({.name = "a", .pods = "1"});
  start();
  c.world.settle();
  // The Pod is bound by somebody else while the scheduler cannot know.
  c.store.lose_events(1);
  pod({.name = "p"});
  c.store.lose_events(0);
  pod({.name = "p", .node = "b"});
  pod({.name = "q"});
  c.world.run_for(seconds(20));
  EXPECT_EQ(where("p"), "b");
  EXPECT_EQ(where("q"), "a");
  EXPECT_EQ(scheduler->engine().sizes(), Queue::Sizes());
}

TEST_F(SchedulerTest, ABindingWithoutAnAnswerIsLookedUp) {
  node({.name = "a", .pods = "1"});
  start();
  c.world.settle();
  pod({.name = "p"});
  pod({.name = "q"});
  c.store.lose_answers(1'000'000);  // done, not told
  c.store.lose_events_percent(100);
  c.world.run_for(seconds(14));  // the request has timed out, the lease has not
  EXPECT_EQ(where("p"), "a");
  c.store.lose_answers(0);
  c.store.lose_events_percent(0);
  c.world.run_for(seconds(60));
  EXPECT_EQ(where("p"), "a");
  EXPECT_EQ(where("q"), "") << "p kept its place while nobody knew";
  EXPECT_EQ(scheduler->engine().sizes(), (Queue::Sizes{.waiting = 1, .classes = 1}));
}

}  // namespace
}  // namespace kubus::scheduler
