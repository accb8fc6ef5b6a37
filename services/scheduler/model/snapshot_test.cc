#include "services/scheduler/model/snapshot.h"

#include <gtest/gtest.h>

#include <map>

#include "services/scheduler/planner.h"
#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using testing::NodeText;
using testing::PodText;

Change put(Snapshot& s, const PodText& p) {
  Object pod = testing::pod(p);
  return s.place(p.name, p.node, guest_of(pod, s.names(), s.society()));
}

Row row(Snapshot& s, const std::string& node) {
  return *s.find(s.names().intern(node));
}

int64_t pods_on(Snapshot& s, const std::string& node) {
  return s.numbers(row(s, node)).used[kPods];
}

TEST(Snapshot, APodCountsInOnePlace) {
  Snapshot s;
  s.set_node(testing::node({.name = "n"}));
  put(s, {.node = "n"});
  put(s, {.node = "n"});
  EXPECT_EQ(pods_on(s, "n"), 1);
  put(s, {.node = "m"});
  EXPECT_EQ(pods_on(s, "n"), 0);
  EXPECT_EQ(pods_on(s, "m"), 1);
  EXPECT_EQ(s.nodes(), 1u) << "m is no Node";
  s.take_away("p");
  s.take_away("p");
  EXPECT_FALSE(s.find(s.names().intern("m")));
  s.remove_node("n");
  s.remove_node("n");
  EXPECT_EQ(s.nodes(), 0u);
  EXPECT_FALSE(s.find(s.names().intern("n")));
}

TEST(Snapshot, PodsOutliveTheirNode) {
  Snapshot s;
  s.set_node(testing::node({.name = "n"}));
  put(s, {.node = "n"});
  s.remove_node("n");
  EXPECT_EQ(pods_on(s, "n"), 1);
  s.set_node(testing::node({.name = "n"}));
  EXPECT_EQ(pods_on(s, "n"), 1);
}

TEST(Snapshot, TellsWhatMayHelp) {
  Snapshot s;
  EXPECT_EQ(s.set_node(testing::node({.name = "n"})).helps, kNodeAdded);
  auto change = [&](const NodeText& n) { return s.set_node(testing::node(n)).helps; };
  EXPECT_EQ(change({.name = "n"}), kNothing);
  EXPECT_EQ(change({.name = "n", .labels = R"("a":"b")"}), kLabels);
  EXPECT_EQ(change({.name = "n", .unschedulable = true}), kLabels);
  EXPECT_EQ(change({.name = "n"}), kSchedulable);
  EXPECT_EQ(change({.name = "n", .cpu = "5", .memory = "1Gi"}), kRoom);
  EXPECT_EQ(change({.name = "n", .cpu = "4", .memory = "1Gi"}), kNothing);
  EXPECT_EQ(change({.name = "n",
                    .taints = R"({"key":"k","effect":"NoSchedule"})",
                    .cpu = "4",
                    .memory = "1Gi"}),
            kTaints);
  const char port[] = R"({"containerPort":1,"hostPort":1})";
  EXPECT_EQ(put(s, {.name = "p", .ports = port, .node = "n"}).helps, kPodCame);
  EXPECT_EQ(put(s, {.name = "q", .node = "n"}).helps, kPodCame);
  EXPECT_EQ(s.take_away("q").helps, kFreed | kPodLeft);
  EXPECT_EQ(s.take_away("p").helps, kFreed | kPortsFreed | kPodLeft);
  EXPECT_EQ(s.take_away("p").helps, kNothing);
}

TEST(Snapshot, PositionsReachBackSoFar) {
  Snapshot s;
  s.set_node(testing::node({.name = "n"}));
  uint64_t before = s.position();
  put(s, {.node = "n"});
  EXPECT_EQ(s.position(), before + 1);
  EXPECT_TRUE(s.reaches_back_to(before));
  EXPECT_EQ(s.touched(before).row, row(s, "n"));
  for (int i = 0; i < 9000; ++i) {
    s.take_away("p");
    put(s, {.node = "n"});
  }
  EXPECT_FALSE(s.reaches_back_to(before));
}

// ---- a random life of Nodes and Pods ----

struct Life {
  explicit Life(uint64_t seed) : random(seed) {}

  std::string number(uint64_t below) { return std::to_string(random.below(below)); }

  NodeText some_node() {
    NodeText n{.name = "n" + number(8), .cpu = number(8), .pods = number(12)};
    if (random.below(2)) n.labels = R"("zone":")" + number(3) + "\"";
    const char* effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
    if (random.below(4) == 0) {
      n.taints = R"({"key":"k)" + number(2) + R"(","effect":")" + effects[random.below(3)] + "\"}";
    }
    n.unschedulable = random.below(8) == 0;
    if (random.below(2)) n.more_room = R"(,"x/gpu":")" + number(3) + "\"";
    if (random.below(2)) {
      n.more_status = R"(,"images":[{"names":["i:1"],"sizeBytes":)" + number(900'000'000) + "}]";
    }
    return n;
  }

  PodText some_pod() {
    PodText p{.name = "p" + number(40), .requests = R"("cpu":")" + number(2000) + "m\""};
    if (random.below(4) == 0) p.requests += R"(,"x/gpu":"1")";
    if (random.below(4) == 0)
      p.ports = R"({"containerPort":1,"hostPort":)" + std::to_string(1 + random.below(3)) + "}";
    p.node = "n" + number(8);
    return p;
  }

  void step() {
    switch (random.below(6)) {
      case 0: {
        NodeText n = some_node();
        nodes[n.name] = n;
        s.set_node(testing::node(n));
        break;
      }
      case 1: {
        std::string name = "n" + number(8);
        if (random.below(3)) break;
        nodes.erase(name);
        s.remove_node(name);
        break;
      }
      case 2: {
        std::string name = "p" + number(40);
        pods.erase(name);
        s.take_away(name);
        break;
      }
      default: {
        PodText p = some_pod();
        pods[p.name] = p;
        put(s, p);
      }
    }
  }

  // The same, made at once.
  std::unique_ptr<Snapshot> anew() const {
    auto fresh = std::make_unique<Snapshot>();
    for (const auto& [name, n] : nodes) fresh->set_node(testing::node(n));
    for (const auto& [name, p] : pods) put(*fresh, p);
    return fresh;
  }

  bus::sim::SeededRandom random;
  Snapshot s;
  std::map<std::string, NodeText> nodes;
  std::map<std::string, PodText> pods;
};

// All that a snapshot knows, in words.
std::map<std::string, std::string> describe(const Snapshot& s) {
  std::map<std::string, std::string> out;
  auto name = [&](NameId id) { return s.names().text(id); };
  for (Row r = 0; r < s.rows(); ++r) {
    const Facts& f = s.facts(r);
    const Numbers& n = s.numbers(r);
    if (f.name == kNoName) continue;
    std::map<std::string, int64_t> parts;
    for (size_t i = 0; i < kResources; ++i) {
      parts["used " + std::to_string(i)] = n.used[i];
      parts["room " + std::to_string(i)] = n.allocatable[i];
    }
    parts["scored cpu"] = n.scored_cpu, parts["scored memory"] = n.scored_memory;
    parts["present"] = f.present, parts["unschedulable"] = f.unschedulable;
    for (auto [k, v] : f.labels) parts["label " + name(k) + "=" + name(v)] = 1;
    for (const Taint& t : f.taints) parts["taint " + name(t.key)] = static_cast<int>(t.effect);
    for (auto [i, bytes] : f.images)
      parts["image " + name(i)] = bytes + static_cast<int64_t>(s.nodes_with(i));
    for (auto [x, amount] : f.extended) parts["has " + name(x)] = amount;
    for (auto [x, amount] : s.extras(r).used) parts["uses " + name(x)] = amount;
    for (auto [p, pods] : s.extras(r).ports) parts["port " + std::to_string(p.port)] = pods;
    std::string& line = out[s.name(r)];
    for (const auto& [part, value] : parts) line += part + ":" + std::to_string(value) + " ";
  }
  out["nodes"] = std::to_string(s.nodes());
  return out;
}

TEST(Snapshot, KeptUpEqualsMadeAnew) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(seed);
    for (int i = 1; i <= 300; ++i) {
      life.step();
      if (life.random.below(60) == 0) life.s.renumber();
      if (i % 20 == 0) {
        ASSERT_EQ(describe(life.s), describe(*life.anew()));
      }
    }
  }
}

TEST(Snapshot, RenumberingForgetsOldTexts) {
  Snapshot s;
  for (int i = 0; i < 100; ++i) {
    std::string name = "n" + std::to_string(i);
    s.set_node(testing::node({.name = name}));
    s.remove_node(name);
  }
  EXPECT_GT(s.names().size(), 100u);
  s.renumber();
  EXPECT_LT(s.names().size(), 10u);
}

// What a planner has worked out and mended is what a new one works out.
TEST(Planner, MendedEqualsWorkedOutAnew) {
  const std::vector<PodText> shapes = {
      {.name = "a"},
      {.name = "b", .requests = R"("cpu":"1","x/gpu":"1")"},
      {.name = "c", .spec = R"("nodeSelector":{"zone":"1"},"tolerations":[{"operator":"Exists"}])"},
      {.name = "e", .ports = R"({"containerPort":1,"hostPort":2})"},
      {.name = "f",
       .spec = R"("affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":)"
               R"([{"weight":3,"preference":{"matchExpressions":[)"
               R"({"key":"zone","operator":"In","values":["0","2"]}]}}]}})"}};
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(seed);
    Demands demands;
    Planner kept(life.s, default_profile(), life.random);
    for (int i = 0; i < 120; ++i) {
      for (uint64_t steps = life.random.below(4); steps > 0; --steps) life.step();
      Planner fresh(life.s, default_profile(), life.random);
      for (const PodText& shape : shapes) {
        DemandPtr d = demands.of(testing::pod(shape), life.s.names(), life.s.society());
        bool somewhere = false;
        for (Row r = 0; r < life.s.rows(); ++r) {
          auto score = kept.score_on(d, r);
          ASSERT_EQ(score, fresh.score_on(d, r)) << shape.name << " on row " << r;
          ASSERT_EQ(score.has_value(), kept.refused_on(d, r) == kNothing);
          somewhere |= score.has_value();
        }
        auto placed = kept.place(d);
        ASSERT_EQ(placed.has_value(), somewhere);
        if (!placed) {
          ASSERT_EQ(kept.explain(d).why, fresh.explain(d).why);
        }
      }
    }
  }
}

}  // namespace
}  // namespace kubus::scheduler
