#include "bus/kit/reconciler.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>

#include "bus/kit/requests.h"
#include "bus/kit/testing/cluster.h"
#include "schemas/bus/event_generated.h"

namespace kubus::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::key;
using testing::kind;
using testing::parse;

// A controller for tests: each Pod gets a ConfigMap of its name with the Pod's label "n".
struct ReconcilerTest : ::testing::Test {
  void start(ReconcilerOptions options = {.name = "test"}) {
    reconciler =
        std::make_unique<Reconciler>(ports, client, options, std::vector<Informer*>{&pods, &maps},
                                     [this](Pass& pass) { reconcile(pass); });
    pods.on_change([this](const Informer::Change& c) {
      const Object& o = c.now ? c.now : c.before;
      reconciler->add(std::string(o.name()), c.event ? c.event->revision() : Revision());
    });
    pods.start();
    maps.start();
  }

  void reconcile(Pass& pass) {
    passes.push_back(pass.key());
    if (on_pass) return on_pass(pass);
    Object pod = pods.find("d", pass.key()), map = maps.find("d", pass.key());
    if (!pod) {
      if (map) pass.remove(map.key());
      return;
    }
    std::string n(pod.label("n").value_or(""));
    if (!map) {
      pass.create(
          kind("configmaps"), "d",
          parse(R"({"metadata":{"name":")" + pass.key() + R"(","labels":{"n":")" + n + "\"}}}"));
    } else if (map.label("n") != n) {
      pass.merge_patch(map.key(), R"({"metadata":{"labels":{"n":")" + n + "\"}}}");
    }
  }

  void pod(const std::string& name, const std::string& n) {
    c.put("pods", "d", R"({"metadata":{"name":")" + name + R"(","labels":{"n":")" + n + "\"}}}");
  }
  std::string label(const std::string& name) {
    Object o = c.store.find(key("configmaps", "d", name));
    return o ? std::string(o.label("n").value_or("")) : "none";
  }

  testing::Cluster c;
  bus::Ports ports = c.host("controller").ports();
  Client client{ports, c.client_options("controllers")};
  Informer pods{ports, client, {.kind = &kind("pods")}};
  Informer maps{ports, client, {.kind = &kind("configmaps")}};
  std::unique_ptr<Reconciler> reconciler;
  std::vector<std::string> passes;
  std::function<void(Pass&)> on_pass;
};

TEST_F(ReconcilerTest, Converges) {
  pod("a", "1");
  start();
  c.world.settle();
  EXPECT_EQ(label("a"), "1");
  pod("a", "2");
  pod("b", "7");
  c.world.settle();
  EXPECT_EQ(label("a"), "2");
  EXPECT_EQ(label("b"), "7");
  c.erase("pods", "d", "a");
  c.world.settle();
  EXPECT_EQ(label("a"), "none");
  EXPECT_EQ(reconciler->stats().dirty + reconciler->stats().in_flight, 0u);
  EXPECT_EQ(reconciler->stats().failures, 0u);
}

TEST_F(ReconcilerTest, WritesCarryTheirCause) {
  start();
  c.world.settle();
  for (int i = 1; i <= 6; ++i) pod("a", std::to_string(i));
  c.world.settle();
  ASSERT_FALSE(c.store.writes().empty());
  const wire::CauseT& cause = *c.store.writes().back().cause;
  EXPECT_EQ(cause.trigger, wire::Trigger::Event);
  EXPECT_LE(cause.revisions.size(), 4u);
  EXPECT_EQ(cause.revisions.back(), 6u);
}

TEST_F(ReconcilerTest, AtTheStartAndByTimerThatIsTheCause) {
  pod("a", "1");
  int n = 0;
  std::vector<uint8_t> triggers;
  on_pass = [&](Pass& pass) {
    triggers.push_back(pass.cause().trigger);
    if (++n < 3) pass.again_after(seconds(5));
  };
  start();
  c.world.run_for(seconds(30));
  auto value = [](wire::Trigger t) { return static_cast<uint8_t>(t); };
  EXPECT_EQ(triggers,
            (std::vector<uint8_t>{value(wire::Trigger::Start), value(wire::Trigger::Timer),
                                  value(wire::Trigger::Timer)}));
}

TEST_F(ReconcilerTest, WaitsForItsOwnWrite) {
  start();
  c.world.settle();
  pod("a", "1");
  c.world.run_until([&] { return !c.store.writes().empty(); });
  // The ConfigMap is there, and its event is late: a pass now would create it again.
  c.world.faults().latency_least = c.world.faults().latency_most = milliseconds(1);
  c.store.lose_events(2);
  c.put("configmaps", "d", R"({"metadata":{"name":"other"}})");
  pod("a", "2");
  c.world.run_for(seconds(5));
  EXPECT_EQ(label("a"), "2");
  EXPECT_EQ(reconciler->stats().failures, 0u);
  EXPECT_EQ(c.store.writes().size(), 2u);
}

TEST_F(ReconcilerTest, OwnWriteWithLostEventIsWaitedForNotRepeated) {
  pod("a", "1");
  start();
  c.store.lose_events(1);
  bool sent = c.world.run_until([&] { return !c.store.writes().empty(); });
  EXPECT_TRUE(sent);
  c.world.run_for(milliseconds(100));
  reconciler->add("a");
  c.world.run_for(milliseconds(100));
  EXPECT_EQ(passes.size(), 1u);
  EXPECT_EQ(reconciler->stats().waits_for_own_write, 1u);
  c.world.run_for(seconds(2));  // the head shows it
  EXPECT_EQ(passes.size(), 2u);
  EXPECT_EQ(c.store.writes().size(), 1u);
}

TEST_F(ReconcilerTest, OneKeyAtATimeAndAgainIfAddedMeanwhile) {
  c.store.answer_after(milliseconds(200));
  start();
  c.world.run_for(seconds(1));
  pod("a", "1");
  c.world.run_until([&] { return reconciler->stats().in_flight == 1; });
  for (int i = 0; i < 10; ++i) reconciler->add("a");
  c.world.run_for(milliseconds(50));
  EXPECT_EQ(passes.size(), 1u);
  c.world.run_for(seconds(2));
  EXPECT_EQ(passes.size(), 2u);
}

TEST_F(ReconcilerTest, NoMoreThanAskedForAtOnce) {
  c.store.answer_after(milliseconds(300));
  for (int i = 0; i < 20; ++i) pod("p" + std::to_string(i), "1");
  size_t most = 0;
  start({.name = "test", .at_once = 4});
  while (c.world.now_ns() < 8'000'000'000) {
    c.world.run_for(milliseconds(10));
    most = std::max(most, reconciler->stats().in_flight);
  }
  EXPECT_EQ(most, 4u);
  EXPECT_EQ(c.store.writes().size(), 20u);
}

TEST_F(ReconcilerTest, FailuresBackOffAndOthersGoOn) {
  on_pass = [&](Pass& pass) {
    if (pass.key() == "bad") {
      pass.merge_patch(key("configmaps", "d", "missing"), "{}");
    }
  };
  start();
  pod("bad", "1");
  pod("good", "1");
  c.world.run_for(seconds(60));
  auto bad = std::count(passes.begin(), passes.end(), "bad");
  EXPECT_GT(bad, 5);
  EXPECT_LT(bad, 20);
  EXPECT_EQ(std::count(passes.begin(), passes.end(), "good"), 1);
}

TEST_F(ReconcilerTest, AStoreThatWasAwayIsNoReasonToStop) {
  pod("a", "1");
  start();
  c.world.settle();
  c.restart_store(seconds(45));
  pod("a", "2");
  c.world.run_for(seconds(60));
  EXPECT_EQ(label("a"), "2");
}

TEST_F(ReconcilerTest, DoesNothingWithoutItsFenceOrDisabled) {
  pod("a", "1");
  start();
  reconciler->set_fence(std::nullopt);
  c.world.run_for(seconds(5));
  EXPECT_TRUE(passes.empty());
  c.store.put(kind("leases", "coordination.k8s.io"), "kube-system",
              parse(R"({"metadata":{"name":"l"},"spec":{"leaseTransitions":3}})"));
  reconciler->set_fence(Fence{"l", 2});
  c.world.run_for(milliseconds(300));
  EXPECT_TRUE(c.store.writes().empty()) << "an old epoch is refused";
  EXPECT_GT(reconciler->stats().failures, 0u);
  reconciler->set_fence(Fence{"l", 3});
  c.world.run_for(seconds(60));
  EXPECT_EQ(label("a"), "1");
  reconciler->enable(false);
  pod("a", "2");
  c.world.run_for(seconds(5));
  EXPECT_EQ(label("a"), "1");
}

TEST_F(ReconcilerTest, MayBeDestroyedAtAnyMoment) {
  pod("a", "1");
  pod("b", "1");
  on_pass = [&](Pass& pass) {
    pass.create(kind("configmaps"), "d", parse(R"({"metadata":{"name":"x"}})"));
    reconciler.reset();
  };
  start();
  c.world.run_for(seconds(5));
  EXPECT_EQ(passes.size(), 1u);
  EXPECT_EQ(c.store.writes().size(), 1u);
}

}  // namespace
}  // namespace kubus::kit
