// Node lifecycle on a simulated bus: whole transcripts with the process that hosts it.
#include "services/controllers/nodelifecycle/nodelifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "bus/kit/testing/cluster.h"
#include "schemas/lib/codec/scalars.h"
#include "services/controllers/controllers.h"

namespace kubus::controllers {
namespace {

namespace json = boost::json;
using kit::testing::key;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A kubelet as far as this controller sees it: heartbeats, and conditions that it keeps up.
class FakeKubelet {
 public:
  FakeKubelet(kit::testing::Cluster& c, std::string node)
      : c_(c),
        node_(std::move(node)),
        ports_(c.host("kubelet-" + node_).ports()),
        subjects_(ClusterName(c.client_options("x").cluster)) {
    c_.put("nodes", "", text("True"));
    beat();
  }
  void silence(bool on) { silent_ = on; }
  void say(const std::string& ready) {
    says_ = ready;
    c_.put("nodes", "", text(ready));
  }

 private:
  // What others wrote to its spec stays.
  std::string text(const std::string& ready) {
    json::value value = c_.store.find(key("nodes", "", node_)) ? c_.get("nodes", "", node_)
                                                               : kit::testing::parse("{}");
    json::object& o = value.as_object();
    if (!o.contains("metadata")) o["metadata"] = json::object{{"name", node_}};
    o["status"] = json::object{
        {"conditions", json::array{json::object{{"type", "Ready"}, {"status", ready}}}}};
    return json::serialize(value);
  }
  void beat() {
    timer_ = ports_.clock.after(seconds(10), [this] { beat(); });
    if (silent_) return;
    ports_.bus.publish(subjects_.heartbeat("node", node_), {});
    back_ = ports_.clock.after(milliseconds(5), [this] { c_.put("nodes", "", text(says_)); });
  }

  kit::testing::Cluster& c_;
  std::string node_;
  bus::Ports ports_;
  bus::Subjects subjects_;
  bool silent_ = false;
  std::string says_ = "True";
  std::unique_ptr<bus::Timer> timer_, back_;
};

struct NodeLifecycleTest : ::testing::Test {
  void start() {
    controllers = std::make_unique<Controllers>(
        c.host("controllers").ports(),
        Options{.client = c.client_options("controllers"), .identity = "controllers"});
  }
  void nodes(int count) {
    for (int i = 0; i < count; ++i) {
      std::string name = "n" + std::to_string(i);
      kubelets[name] = std::make_unique<FakeKubelet>(c, name);
    }
  }
  // `patience`: seconds that it bears an unreachable node; nullopt: none at all.
  void pod(const std::string& name, const std::string& node, std::optional<int> patience) {
    std::string t;
    for (const char* k : {"not-ready", "unreachable"}) {
      if (!patience) break;
      t += std::string(t.empty() ? "" : ",") + R"({"key":"node.kubernetes.io/)" + k +
           R"(","operator":"Exists","effect":"NoExecute","tolerationSeconds":)" +
           std::to_string(*patience) + "}";
    }
    c.put(
        "pods", "d",
        R"({"metadata":{"name":")" + name + R"("},"spec":{"nodeName":")" + node +
            R"(","containers":[{"name":"c","image":"i"}],"tolerations":[)" + t +
            R"(]},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})");
  }
  std::string condition(const char* resource, const char* ns, const std::string& name,
                        const char* type) {
    json::value o = c.get(resource, ns, name);
    for (const auto& v : o.at("status").at("conditions").as_array()) {
      if (v.at("type") == type) return std::string(v.at("status").as_string());
    }
    return "";
  }
  std::string ready(const std::string& node) { return condition("nodes", "", node, "Ready"); }
  std::vector<std::string> taints(const std::string& node) {
    std::vector<std::string> out;
    json::value o = c.get("nodes", "", node);
    const auto* spec = o.as_object().if_contains("spec");
    const auto* list = spec ? spec->as_object().if_contains("taints") : nullptr;
    for (size_t i = 0; list && i < list->as_array().size(); ++i) {
      const auto& t = list->as_array()[i];
      std::string name(t.at("key").as_string());
      out.push_back(name.substr(name.find('/') + 1) + ":" +
                    std::string(t.at("effect").as_string()));
    }
    return out;
  }
  bool evicted(const std::string& name) {
    Object o = c.store.find(key("pods", "d", name));
    return !o || o.terminating();
  }
  bool anyone_evicted() {
    for (const auto& [k, o] : c.store.state().objects()) {
      if (k.kind->resource == "pods" && o.terminating()) return true;
    }
    return false;
  }
  bool driving() {
    for (const auto& [name, kubelet] : kubelets) {
      for (const std::string& t : taints(name)) {
        if (t.ends_with("NoExecute")) return true;
      }
    }
    return false;
  }
  std::vector<std::string> reasons() {
    std::vector<std::string> out;
    for (const auto& [k, o] : c.store.state().objects()) {
      if (k.kind->resource == "events")
        out.emplace_back(c.get("events", k.ns, k.name).at("reason").as_string());
    }
    return out;
  }

  kit::testing::Cluster c;
  std::map<std::string, std::unique_ptr<FakeKubelet>> kubelets;
  std::unique_ptr<Controllers> controllers;
};

TEST_F(NodeLifecycleTest, ATaintGoesWithinMillisecondsOnceTheNodeIsReady) {
  start();
  c.world.run_for(seconds(1));
  c.put("nodes", "",
        R"({"metadata":{"name":"n0"},"spec":{"taints":[)"
        R"({"key":"node.kubernetes.io/not-ready","effect":"NoSchedule"},)"
        R"({"key":"mine","effect":"NoSchedule","value":"v"}]},)"
        R"("status":{"conditions":[{"type":"Ready","status":"False"}]}})");
  c.world.settle();
  EXPECT_THAT(taints("n0"), UnorderedElementsAre("not-ready:NoSchedule", "mine:NoSchedule"));
  nodes(1);
  EXPECT_TRUE(c.world.run_until([&] { return taints("n0").size() == 1; }, milliseconds(20)));
  EXPECT_THAT(taints("n0"), UnorderedElementsAre("mine:NoSchedule"));
}

TEST_F(NodeLifecycleTest, ConditionsAndCordonsBecomeTaints) {
  start();
  c.put("nodes", "",
        R"({"metadata":{"name":"n0"},"spec":{"unschedulable":true},"status":{"conditions":[)"
        R"({"type":"Ready","status":"True"},{"type":"MemoryPressure","status":"True"},)"
        R"({"type":"DiskPressure","status":"True"},{"type":"PIDPressure","status":"True"},)"
        R"({"type":"NetworkUnavailable","status":"True"}]}})");
  c.world.run_for(seconds(1));
  EXPECT_THAT(taints("n0"),
              UnorderedElementsAre("memory-pressure:NoSchedule", "disk-pressure:NoSchedule",
                                   "pid-pressure:NoSchedule", "network-unavailable:NoSchedule",
                                   "unschedulable:NoSchedule"));
  c.put("nodes", "",
        R"({"metadata":{"name":"n0"},"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  c.world.run_for(seconds(1));
  EXPECT_THAT(taints("n0"), IsEmpty());
}

TEST_F(NodeLifecycleTest, OneNodeFallsSilentAndReturns) {
  nodes(3);
  start();
  pod("hasty", "n0", std::nullopt);
  pod("patient", "n0", 300);
  pod("elsewhere", "n1", std::nullopt);
  c.world.run_for(minutes(2));
  EXPECT_FALSE(anyone_evicted());
  kubelets["n0"]->silence(true);
  c.world.run_for(seconds(29));
  EXPECT_EQ(ready("n0"), "True") << "the last heartbeat may be 10 s old";
  c.world.run_for(seconds(13));
  EXPECT_EQ(ready("n0"), "Unknown");
  EXPECT_EQ(condition("nodes", "", "n0", "DiskPressure"), "Unknown");
  EXPECT_THAT(taints("n0"),
              UnorderedElementsAre("unreachable:NoSchedule", "unreachable:NoExecute"));
  EXPECT_EQ(condition("pods", "d", "patient", "Ready"), "False");
  EXPECT_EQ(condition("pods", "d", "elsewhere", "Ready"), "True");
  EXPECT_TRUE(evicted("hasty"));
  EXPECT_FALSE(evicted("patient"));
  c.world.run_for(seconds(200));
  kubelets["n0"]->silence(false);
  c.world.run_for(seconds(10));
  EXPECT_EQ(ready("n0"), "True");
  EXPECT_THAT(taints("n0"), IsEmpty());
  c.world.run_for(minutes(10));
  EXPECT_FALSE(evicted("patient"));
  EXPECT_FALSE(evicted("elsewhere"));
  EXPECT_THAT(reasons(), ::testing::IsSupersetOf({"NodeNotReady", "TaintManagerEviction"}));
}

TEST_F(NodeLifecycleTest, APodThatBearsItForSomeTimeLeavesThenAndIsOnlyMarked) {
  nodes(3);
  start();
  pod("p", "n0", 300);
  c.world.run_for(seconds(5));
  kubelets["n0"]->silence(true);
  ASSERT_TRUE(c.world.run_until([&] { return taints("n0").size() == 2; }, minutes(1)));
  c.world.run_for(seconds(298));
  EXPECT_FALSE(evicted("p"));
  c.world.run_for(seconds(3));
  ASSERT_TRUE(c.store.find(key("pods", "d", "p"))) << "the kubelet confirms, nobody else";
  EXPECT_TRUE(evicted("p"));
  EXPECT_EQ(condition("pods", "d", "p", "DisruptionTarget"), "True");
}

TEST_F(NodeLifecycleTest, ANodeThatSaysItIsNotReadyIsEmptiedToo) {
  nodes(3);
  start();
  pod("hasty", "n0", std::nullopt);
  c.world.run_for(seconds(20));
  kubelets["n0"]->say("False");
  c.world.run_for(seconds(1));
  EXPECT_THAT(taints("n0"), UnorderedElementsAre("not-ready:NoSchedule", "not-ready:NoExecute"));
  EXPECT_TRUE(evicted("hasty"));
}

TEST_F(NodeLifecycleTest, ALeaseIsASignOfLife) {
  c.put("nodes", "",
        R"({"metadata":{"name":"n0"},"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  start();
  for (int i = 0; i < 12; ++i) {
    c.store.put(kit::testing::kind("leases", "coordination.k8s.io"), "kube-node-lease",
                kit::testing::parse(
                    R"({"metadata":{"name":"n0"},"spec":{"holderIdentity":"n0","renewTime":")" +
                    codec::format_micro_time(c.world.now_ns() / 1000) + R"("}})"));
    c.world.run_for(seconds(10));
    ASSERT_EQ(ready("n0"), "True") << i;
  }
  c.world.run_for(seconds(40));
  EXPECT_EQ(ready("n0"), "Unknown");
}

TEST_F(NodeLifecycleTest, WhenAllFallSilentNobodyIsEvicted) {
  nodes(10);
  start();
  for (int i = 0; i < 10; ++i) pod("p" + std::to_string(i), "n" + std::to_string(i), std::nullopt);
  c.world.run_for(minutes(1));
  // At different moments between their heartbeats.
  for (auto& [name, kubelet] : kubelets) {
    kubelet->silence(true);
    c.world.run_for(milliseconds(900));
  }
  for (int i = 0; i < 60; ++i) {
    c.world.run_for(seconds(10));
    ASSERT_FALSE(driving()) << i;
  }
  EXPECT_EQ(ready("n3"), "Unknown");
  EXPECT_FALSE(anyone_evicted());
  // They come back one after another: still nobody goes.
  for (auto& [name, kubelet] : kubelets) {
    kubelet->silence(false);
    c.world.run_for(seconds(3));
  }
  c.world.run_for(minutes(10));
  EXPECT_FALSE(anyone_evicted());
  EXPECT_THAT(taints("n3"), IsEmpty());
}

TEST_F(NodeLifecycleTest, MostOfASmallZoneInTroubleIsLeftAlone) {
  nodes(10);
  start();
  for (int i = 0; i < 10; ++i) pod("p" + std::to_string(i), "n" + std::to_string(i), std::nullopt);
  c.world.run_for(minutes(1));
  for (int i = 0; i < 6; ++i) kubelets["n" + std::to_string(i)]->silence(true);
  c.world.run_for(minutes(20));
  EXPECT_FALSE(anyone_evicted());
  EXPECT_EQ(ready("n0"), "Unknown");
}

TEST_F(NodeLifecycleTest, NodesAreEmptiedOneAfterAnother) {
  nodes(10);
  start();
  for (int i = 0; i < 10; ++i) pod("p" + std::to_string(i), "n" + std::to_string(i), std::nullopt);
  c.world.run_for(minutes(1));
  for (int i = 0; i < 5; ++i) kubelets["n" + std::to_string(i)]->silence(true);
  auto gone = [&] {
    int n = 0;
    for (int i = 0; i < 5; ++i) n += evicted("p" + std::to_string(i));
    return n;
  };
  ASSERT_TRUE(c.world.run_until([&] { return gone() == 1; }, minutes(1)));
  c.world.run_for(seconds(9));
  EXPECT_LE(gone(), 2);
  c.world.run_for(minutes(1));
  EXPECT_EQ(gone(), 5);
}

TEST_F(NodeLifecycleTest, AControllerThatWasAwayForAnHourEvictsNobodyWhoIsBack) {
  nodes(10);
  start();
  for (int i = 0; i < 10; ++i) pod("p" + std::to_string(i), "n" + std::to_string(i), 300);
  c.world.run_for(minutes(1));
  kubelets["n0"]->silence(true);
  c.world.run_for(minutes(1));
  ASSERT_EQ(taints("n0").size(), 2u);
  controllers.reset();
  for (int i = 1; i < 4; ++i) kubelets["n" + std::to_string(i)]->silence(true);
  c.world.run_for(hours(1));
  for (int i = 0; i < 4; ++i) kubelets["n" + std::to_string(i)]->silence(false);
  start();
  c.world.run_for(minutes(20));
  EXPECT_FALSE(anyone_evicted());
  EXPECT_FALSE(driving());
}

TEST_F(NodeLifecycleTest, ATaintsAgeOutlivesTheController) {
  nodes(3);
  start();
  pod("p", "n0", 300);
  c.world.run_for(seconds(5));
  kubelets["n0"]->silence(true);
  ASSERT_TRUE(c.world.run_until([&] { return taints("n0").size() == 2; }, minutes(1)));
  c.world.run_for(seconds(200));
  controllers.reset();
  c.world.run_for(seconds(20));
  start();
  c.world.run_for(seconds(70));
  EXPECT_FALSE(evicted("p"));
  c.world.run_for(seconds(20));
  EXPECT_TRUE(evicted("p")) << "300 s after the taint, not after the restart";
}

TEST_F(NodeLifecycleTest, AfterARestartSilenceIsHeardAnewBeforeAnybodyGoes) {
  nodes(3);
  start();
  pod("p", "n0", 60);
  c.world.run_for(seconds(5));
  kubelets["n0"]->silence(true);
  ASSERT_TRUE(c.world.run_until([&] { return taints("n0").size() == 2; }, minutes(1)));
  controllers.reset();
  c.world.run_for(hours(1));
  start();
  c.world.run_for(seconds(38));
  EXPECT_FALSE(evicted("p"));
  c.world.run_for(seconds(4));
  EXPECT_TRUE(evicted("p"));
}

TEST_F(NodeLifecycleTest, WhoWasCutOffItselfHeardNothing) {
  nodes(3);
  start();
  pod("p", "n0", std::nullopt);
  c.world.run_for(minutes(1));
  c.host("controllers").set_connected(false);
  c.world.run_for(minutes(30));
  c.host("controllers").set_connected(true);
  c.world.run_for(minutes(2));
  EXPECT_EQ(ready("n0"), "True");
  EXPECT_FALSE(anyone_evicted());
  for (const auto& w : c.store.writes()) EXPECT_NE(w.operations[0]->resource, "nodes");
}

TEST_F(NodeLifecycleTest, WallClocksThatJumpChangeNothing) {
  for (auto jump : {hours(24), hours(-48)}) {
    nodes(3);
    start();
    pod("p", "n0", 300);
    c.world.run_for(seconds(5));
    kubelets["n0"]->silence(true);
    ASSERT_TRUE(c.world.run_until([&] { return taints("n0").size() == 2; }, minutes(1)));
    c.world.run_for(seconds(1));
    c.world.jump_wall_clock(jump);
    c.world.run_for(seconds(290));
    EXPECT_FALSE(evicted("p"));
    EXPECT_EQ(ready("n1"), "True");
    c.world.run_for(seconds(20));
    EXPECT_TRUE(evicted("p"));
    kubelets["n0"]->silence(false);
    c.world.run_for(seconds(20));
  }
}

TEST_F(NodeLifecycleTest, MissedEventsAreMadeUpFor) {
  nodes(4);
  start();
  pod("p", "n0", 30);
  c.world.run_for(seconds(5));
  c.store.lose_events_percent(30);
  c.store.double_events_percent(20);
  kubelets["n0"]->silence(true);
  c.world.run_for(minutes(5));
  EXPECT_TRUE(evicted("p"));
  kubelets["n0"]->silence(false);
  c.world.run_for(minutes(3));
  EXPECT_THAT(taints("n0"), IsEmpty());
}

// Writes of the controllers that are no Events and no leases.
size_t writes_that_count(const kit::testing::Cluster& c) {
  size_t n = 0;
  for (const auto& w : c.store.writes()) {
    const std::string& r = w.operations[0]->resource;
    n += r == "nodes" || r == "pods";
  }
  return n;
}

TEST(NodeLifecycleCrash, AfterAnyWriteEndsTheSame) {
  for (size_t k = 0; k < 6; ++k) {
    struct World : NodeLifecycleTest {
      void TestBody() override {}
    } t;
    t.nodes(3);
    t.start();
    t.pod("hasty", "n0", std::nullopt);
    t.pod("patient", "n0", 3000);
    t.c.world.run_for(seconds(5));
    size_t before = writes_that_count(t.c);
    t.kubelets["n0"]->silence(true);
    t.c.world.run_until([&] { return writes_that_count(t.c) >= before + k; }, minutes(2));
    t.controllers.reset();
    t.c.world.run_for(seconds(20));
    t.start();
    t.c.world.run_for(minutes(2));
    EXPECT_TRUE(t.evicted("hasty")) << k;
    EXPECT_FALSE(t.evicted("patient")) << k;
    EXPECT_EQ(t.condition("pods", "d", "patient", "Ready"), "False") << k;
    EXPECT_THAT(t.taints("n0"),
                UnorderedElementsAre("unreachable:NoSchedule", "unreachable:NoExecute"))
        << k;
  }
}

}  // namespace
}  // namespace kubus::controllers
