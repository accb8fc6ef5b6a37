// Priorities, preemption and kept places, by the Engine alone.
#include <gtest/gtest.h>

#include <map>

#include "services/scheduler/engine.h"
#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using std::chrono::seconds;
using testing::NodeText;
using testing::PodText;

struct World {
  explicit World(uint64_t seed = 1) : random(seed), engine(random) {}

  void node(const NodeText& n) {
    Object now = testing::node(n);
    engine.on_node(std::exchange(nodes[n.name], now), now, {}, at);
  }
  void drop_node(const std::string& name) {
    engine.on_node(std::exchange(nodes[name], {}), {}, {}, at);
  }
  void pod(const PodText& p) {
    Object now = testing::pod(p);
    engine.on_pod(std::exchange(pods[p.name], now), now, {}, at);
  }
  void drop_pod(const std::string& name) {
    engine.on_pod(std::exchange(pods[name], {}), {}, {}, at);
  }
  // "p->n q:x,y>n": placed; with a place kept at the cost of some.
  std::string decide() {
    std::string out;
    last.clear();
    for (const Decision& d : engine.decide(1000, at)) {
      out += (out.empty() ? "" : " ") + std::string(d.pod.name());
      if (!d.node.empty()) out += "->" + d.node;
      if (d.node.empty()) why[std::string(d.pod.name())] = d.why;
      if (d.node.empty() && !d.preempts) out += d.nominated.empty() ? "!" : "~" + d.nominated;
      if (!d.preempts) continue;
      out += ":";
      for (const Victim& v : d.victims) out += v.key.substr(2) + ",";
      out += ">" + d.nominated;
      last.push_back(d);
    }
    return out;
  }

  bus::sim::SeededRandom random;
  Engine engine;
  bus::Instant at;
  std::map<std::string, Object> nodes, pods;
  std::map<std::string, std::string> why;
  std::vector<Decision> last;  // those that preempt
};

PodText on(const std::string& node, const std::string& name, int priority, const char* cpu = "1") {
  return {.name = name,
          .requests = R"("cpu":")" + std::string(cpu) + "\"",
          .node = node,
          .priority = priority};
}
PodText wants(const std::string& name, int priority, const char* cpu = "1") {
  return on("", name, priority, cpu);
}

TEST(Preemption, TheFewestAndLeastImportantGo) {
  World w;
  w.node({.name = "n", .cpu = "4"});
  for (auto [name, priority] : {std::pair("a", 5), {"b", 1}, {"c", 3}, {"e", 3}})
    w.pod(on("n", name, priority));
  w.pod(wants("vip", 9, "2"));
  EXPECT_EQ(w.decide(), "vip:b,e,>n") << "a stays, and of those alike the first";
  EXPECT_EQ(w.engine.nominated("d/vip"), "n");
}

TEST(Preemption, ChoosesTheCheapestNode) {
  World w;
  for (const char* n : {"a", "b", "c"}) w.node({.name = n, .cpu = "2"});
  w.pod(on("a", "a1", 5, "2"));
  w.pod(on("b", "b1", 3)), w.pod(on("b", "b2", 3));
  w.pod(on("c", "c1", 3, "2"));
  w.pod(wants("vip", 9, "2"));
  EXPECT_EQ(w.decide(), "vip:c1,>c");
}

TEST(Preemption, OnlyTheLessImportantGo) {
  World w;
  w.node({.name = "n", .cpu = "2"});
  w.pod(on("n", "a", 5, "2"));
  w.pod(wants("same", 5));
  EXPECT_EQ(w.decide(), "same!");
  w.pod(on("n", "a", 4, "2"));
  w.pod({.name = "meek",
         .spec = R"("preemptionPolicy":"Never")",
         .requests = R"("cpu":"1")",
         .priority = 9});
  EXPECT_EQ(w.decide(), "meek!");
  EXPECT_EQ(w.why["meek"], "0/1 nodes are available: 1 Insufficient cpu.");
}

TEST(Preemption, NotWhereNobodysLeavingHelps) {
  World w;
  w.node({.name = "n", .labels = R"("zone":"1")", .cpu = "2"});
  w.node({.name = "small", .cpu = "1"});
  w.pod(on("n", "a", 1, "2"));
  w.pod(on("small", "b", 1));
  PodText p = wants("p", 9, "2");
  p.spec = R"("nodeSelector":{"zone":"2"})";
  w.pod(p);
  EXPECT_EQ(w.decide(), "p!");
  EXPECT_EQ(w.why["p"],
            "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. "
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.");
  w.pod(wants("q", 9, "3"));
  EXPECT_EQ(w.decide(), "q!");
}

TEST(Preemption, ItsPlaceIsKeptUntilTheyAreGone) {
  World w;
  w.node({.name = "n", .cpu = "2"});
  w.pod(on("n", "a", 1)), w.pod(on("n", "b", 1));
  w.pod(wants("vip", 9, "2"));
  EXPECT_EQ(w.decide(), "vip:a,b,>n");
  PodText vip = wants("vip", 9, "2");
  vip.nominated = "n";
  w.pod(vip);
  PodText a = on("n", "a", 1), b = on("n", "b", 1);
  a.going = b.going = true;
  w.pod(a), w.pod(b);
  w.at = w.at + seconds(301);
  EXPECT_EQ(w.decide(), "vip~n") << "nobody else is driven out meanwhile";
  w.drop_pod("a");
  w.pod(wants("small", 0));
  EXPECT_EQ(w.decide(), "small!") << "the room that a left is kept";
  w.pod(wants("king", 99));
  EXPECT_EQ(w.decide(), "king->n") << "not from who is more important";
  w.drop_pod("king");
  w.drop_pod("b");
  EXPECT_EQ(w.decide(), "vip->n");
  EXPECT_EQ(w.engine.nominated("d/vip"), "");
}

TEST(Preemption, TwoDoNotTakeOneNode) {
  World w;
  for (const char* n : {"m", "n"}) {
    w.node({.name = n, .cpu = "2"});
    w.pod(on(n, std::string("on-") + n, 1, "2"));
  }
  w.pod(wants("p", 9, "2")), w.pod(wants("q", 9, "2")), w.pod(wants("r", 9, "2"));
  w.decide();
  ASSERT_EQ(w.last.size(), 2u);
  EXPECT_NE(w.last[0].nominated, w.last[1].nominated);
  EXPECT_EQ(w.engine.nominated("d/r"), "");
}

TEST(Preemption, ANominationIsReadFromTheStatus) {
  World w;
  w.node({.name = "n", .cpu = "2"});
  PodText a = on("n", "a", 1, "2");
  a.going = true;
  w.pod(a);
  PodText vip = wants("vip", 9, "2");
  vip.nominated = "n";
  w.pod(vip);
  w.pod(wants("other", 9));
  EXPECT_EQ(w.engine.nominated("d/vip"), "n");
  EXPECT_EQ(w.decide(), "vip~n other!");
  w.drop_pod("a");
  EXPECT_EQ(w.decide(), "vip->n");
}

TEST(Preemption, ANominationThatHoldsNoMoreIsGivenUp) {
  World w;
  w.node({.name = "n", .cpu = "2"});
  w.node({.name = "m", .cpu = "1"});
  w.pod(on("n", "a", 20, "2"));
  PodText vip = wants("vip", 9, "2");
  vip.nominated = "n";
  w.pod(vip);
  EXPECT_EQ(w.decide(), "vip!") << "who is there is more important and stays";
  EXPECT_EQ(w.engine.nominated("d/vip"), "");
  vip.nominated = "gone";
  w.pod(vip);
  w.pod(wants("small", 1));
  EXPECT_EQ(w.decide(), "small->m");
  w.node({.name = "k", .cpu = "2"});
  w.at = w.at + seconds(2);
  EXPECT_EQ(w.decide(), "vip->k");
}

TEST(Preemption, ItsNodeIsLost) {
  World w;
  for (const char* n : {"m", "n"}) w.node({.name = n, .cpu = "2"});
  w.pod(on("m", "a", 8, "2"));
  w.pod(on("n", "b", 1, "2"));
  w.pod(wants("vip", 9, "2"));
  EXPECT_EQ(w.decide(), "vip:b,>n");
  w.drop_node("n");
  EXPECT_EQ(w.decide(), "vip:a,>m");
}

TEST(Preemption, TheMoreImportantTakeAKeptPlace) {
  World w;
  w.node({.name = "n", .cpu = "2"});
  w.pod(on("n", "a", 1, "2"));
  w.pod(wants("vip", 9, "2"));
  EXPECT_EQ(w.decide(), "vip:a,>n");
  w.pod(wants("king", 99, "2"));
  EXPECT_EQ(w.decide(), "king:>n vip!") << "a leaves already";
  EXPECT_EQ(w.engine.nominated("d/vip"), "");
}

TEST(Preemption, WhoLostItsPlaceLooksElsewhere) {
  World w;
  for (const char* n : {"m", "n"}) w.node({.name = n, .cpu = "2"});
  w.pod(on("m", "b", 8, "2"));
  w.pod(on("n", "a1", 1)), w.pod(on("n", "a2", 1));
  w.pod(wants("vip", 9, "2"));
  EXPECT_EQ(w.decide(), "vip:a1,a2,>n");
  w.drop_pod("a1");
  w.pod(wants("king", 99));
  EXPECT_EQ(w.decide(), "king->n");
  w.drop_pod("a2");
  EXPECT_EQ(w.decide(), "vip:b,>m");
}

TEST(Preemption, WhatTheStoreRefusedIsTriedAgain) {
  World w;
  w.node({.name = "n", .cpu = "2"});
  w.pod(on("n", "a", 1, "2"));
  w.pod(wants("vip", 9, "2"));
  EXPECT_EQ(w.decide(), "vip:a,>n");
  w.engine.not_preempted(w.last[0], w.at);
  EXPECT_EQ(w.engine.nominated("d/vip"), "");
  EXPECT_EQ(w.decide(), "");
  w.at = w.at + seconds(1);
  EXPECT_EQ(w.decide(), "vip:a,>n");
}

TEST(Preemption, WhoeverKeepsItAwayGoes) {
  World w;
  w.node({.name = "n", .labels = R"("zone":"1")"});
  PodText a = on("n", "a", 1), b = on("n", "b", 1);
  a.labels = R"("app":"x")";
  w.pod(a), w.pod(b);
  PodText vip = wants("vip", 9);
  vip.spec = R"("affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[)"
             R"({"labelSelector":{"matchLabels":{"app":"x"}},"topologyKey":"zone"}]}})";
  w.pod(vip);
  EXPECT_EQ(w.decide(), "vip:a,>n");
}

// ---- who is woken ----

TEST(Wake, WhoWantsToBeNear) {
  World w;
  w.node({.name = "n", .labels = R"("zone":"1")"});
  PodText p = wants("p", 0);
  p.spec = R"("affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[)"
           R"({"labelSelector":{"matchLabels":{"app":"x"}},"topologyKey":"zone"}]}})";
  w.pod(p);
  EXPECT_EQ(w.decide(), "p!");
  w.at = w.at + seconds(20);
  w.pod(wants("other", 0));
  EXPECT_EQ(w.decide(), "other->n") << "that helps nobody";
  PodText x = wants("x", 0);
  x.labels = R"("app":"x")";
  w.pod(x);
  EXPECT_EQ(w.decide(), "x->n p->n");
}

TEST(Wake, WhoWaitsForAnotherToLeaveItsPartOfTheCluster) {
  World w;
  w.node({.name = "m", .labels = R"("zone":"1")"});
  w.node({.name = "n", .labels = R"("zone":"1")", .unschedulable = true});
  PodText x = on("n", "x", 0);
  x.labels = R"("app":"x")";
  w.pod(x);
  PodText p = wants("p", 0);
  p.spec = R"("affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[)"
           R"({"labelSelector":{"matchLabels":{"app":"x"}},"topologyKey":"zone"}]}})";
  w.pod(p);
  EXPECT_EQ(w.decide(), "p!");
  w.at = w.at + seconds(20);
  w.drop_pod("x");
  EXPECT_EQ(w.decide(), "p->m");
}

TEST(Wake, WhoLooksAtLabelsOfNamespaces) {
  World w;
  w.node({.name = "n", .labels = R"("zone":"1")"});
  PodText x = on("n", "x", 0);
  x.labels = R"("app":"x")";
  x.ns = "f";
  w.pod(x);
  PodText p = wants("p", 0);
  p.spec = R"("affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[)"
           R"({"labelSelector":{"matchLabels":{"app":"x"}},"topologyKey":"zone",)"
           R"("namespaceSelector":{"matchLabels":{"team":"red"}}}]}})";
  w.pod(p);
  EXPECT_EQ(w.decide(), "p!");
  w.at = w.at + seconds(20);
  w.engine.on_namespace(
      {}, testing::make("namespaces", R"({"metadata":{"name":"f","labels":{"team":"red"}}})"),
      w.at);
  EXPECT_EQ(w.decide(), "p->n");
}

// Pods queued before others came that keep them away.
TEST(Wake, WhatOthersSayAboutAPodThatIsQueued) {
  World w;
  w.node({.name = "n", .labels = R"("zone":"1")"});
  PodText p = wants("p", 0);
  p.labels = R"("app":"x")";
  w.pod(p);
  PodText keeper = on("n", "keeper", 0);
  keeper.spec =
      R"("affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[)"
      R"({"labelSelector":{"matchLabels":{"app":"x"}},"topologyKey":"zone"}]}})";
  w.pod(keeper);
  EXPECT_EQ(w.decide(), "p!");
  w.at = w.at + seconds(20);
  w.drop_pod("keeper");
  EXPECT_EQ(w.decide(), "p->n");
}

}  // namespace
}  // namespace kubus::scheduler
