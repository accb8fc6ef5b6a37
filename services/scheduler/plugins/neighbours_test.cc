#include "services/scheduler/plugins/neighbours.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "services/scheduler/planner.h"
#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using testing::NodeText;
using testing::PodText;

std::string in_zone(const std::string& zone) {
  return R"("zone":")" + zone + "\"";
}

struct World {
  // "a:1 b:1 c:2": nodes and their zones; no zone: no label.
  explicit World(const std::string& nodes, uint64_t seed = 7) : random(seed) {
    for (size_t at = 0; at < nodes.size();) {
      size_t end = std::min(nodes.find(' ', at), nodes.size());
      std::string name = nodes.substr(at, nodes.find(':', at) - at);
      std::string zone = nodes.substr(at + name.size() + 1, end - at - name.size() - 1);
      std::string labels = R"("host":")" + name + "\"";
      if (!zone.empty()) labels += "," + in_zone(zone);
      snapshot.set_node(testing::node({.name = name, .labels = labels}));
      names.push_back(name);
      at = end + 1;
    }
  }
  void put(PodText p, const std::string& node) {
    p.node = node;
    Object pod = testing::pod(p);
    snapshot.place(p.ns + "/" + p.name, node, guest_of(pod, snapshot.names(), snapshot.society()));
  }
  void put(const std::string& labels, const std::string& node, const std::string& spec = "",
           const std::string& ns = "d") {
    put({.name = "p" + std::to_string(++pods), .spec = spec, .labels = labels, .ns = ns}, node);
  }
  DemandPtr demand(const PodText& p) {
    return demands.of(testing::pod(p), snapshot.names(), snapshot.society());
  }
  // The names of all nodes where it may go, "a b".
  std::string where(const PodText& p) {
    std::string out;
    for (const std::string& name : names) {
      if (planner.score_on(demand(p), *snapshot.find(snapshot.names().intern(name))))
        out += (out.empty() ? "" : " ") + name;
    }
    return out;
  }
  std::string where(const std::string& spec, const std::string& labels = R"("app":"x")") {
    return where(PodText{.name = "new", .spec = spec, .labels = labels});
  }
  std::string best(const std::string& spec, const std::string& labels = R"("app":"x")") {
    auto row = planner.place(demand({.name = "new", .spec = spec, .labels = labels}));
    return row ? snapshot.name(*row) : "";
  }
  std::string why(const std::string& spec, const std::string& labels = R"("app":"x")") {
    return planner.explain(demand({.name = "new", .spec = spec, .labels = labels})).why;
  }

  bus::sim::SeededRandom random;
  Snapshot snapshot;
  Demands demands;
  Planner planner{snapshot, default_profile(), random};
  std::vector<std::string> names;
  int pods = 0;
};

constexpr const char* kMust = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr const char* kLike = "preferredDuringSchedulingIgnoredDuringExecution";

std::string term(const std::string& app, const std::string& key, const std::string& more = "") {
  return R"({"labelSelector":{"matchLabels":{"app":")" + app + R"("}},"topologyKey":")" + key +
         "\"" + more + "}";
}
std::string affinity(const char* what, const std::string& terms) {
  return std::string(R"("affinity":{")") + what + R"(":{")" + kMust + R"(":[)" + terms + "]}}";
}
std::string near(const std::string& terms) {
  return affinity("podAffinity", terms);
}
std::string away(const std::string& terms) {
  return affinity("podAntiAffinity", terms);
}
std::string likes(const char* what, int weight, const std::string& term) {
  return std::string(R"("affinity":{")") + what + R"(":{")" + kLike + R"(":[{"weight":)" +
         std::to_string(weight) + R"(,"podAffinityTerm":)" + term + "}]}}";
}
std::string spread(const std::string& key, int skew, const std::string& more = "",
                   const char* unless = "DoNotSchedule") {
  return R"({"maxSkew":)" + std::to_string(skew) + R"(,"topologyKey":")" + key +
         R"(","whenUnsatisfiable":")" + unless +
         R"(","labelSelector":{"matchLabels":{"app":"x"}})" + more + "}";
}
std::string constraints(const std::string& list) {
  return R"("topologySpreadConstraints":[)" + list + "]";
}

// ---- InterPodAffinity ----

TEST(InterPodAffinity, NearWhatIsThere) {
  World w("a:1 b:1 c:2 e:");
  w.put(R"("app":"db")", "a");
  EXPECT_EQ(w.where(near(term("db", "zone"))), "a b");
  EXPECT_EQ(w.where(near(term("db", "host"))), "a");
  EXPECT_EQ(w.where(near(term("db", "nowhere"))), "");
  EXPECT_EQ(w.why(near(term("other", "zone"))),
            "0/4 nodes are available: 4 node(s) didn't match pod affinity rules.");
  w.put(R"("app":"web")", "c");
  EXPECT_EQ(w.where(near(term("db", "zone") + "," + term("web", "zone"))), "")
      << "one Pod must be all that is wanted";
  w.put(R"("app":"db")", "c");
  EXPECT_EQ(w.where(near(term("db", "zone"))), "a b c");
}

TEST(InterPodAffinity, TheFirstOfAGroupGoesAnywhere) {
  World w("a:1 b:2 e:");
  EXPECT_EQ(w.where(near(term("x", "zone"))), "a b") << "where there is a zone";
  w.put(R"("app":"x")", "e");
  EXPECT_EQ(w.where(near(term("x", "zone"))), "a b") << "that one is in no zone";
  w.put(R"("app":"x")", "b");
  EXPECT_EQ(w.where(near(term("x", "zone"))), "b");
}

TEST(InterPodAffinity, AwayFromWhatIsThere) {
  World w("a:1 b:1 c:2 e:");
  w.put(R"("app":"x")", "a");
  EXPECT_EQ(w.where(away(term("x", "zone"))), "c e");
  EXPECT_EQ(w.where(away(term("x", "host"))), "b c e");
  w.put(R"("app":"x")", "c");
  w.put(R"("app":"x")", "e");
  EXPECT_EQ(w.where(away(term("x", "zone"))), "e") << "in no zone, so in none of theirs";
  EXPECT_EQ(w.where(away(term("x", "zone") + "," + term("x", "host"))), "");
}

TEST(InterPodAffinity, WhatIsThereKeepsOthersAway) {
  World w("a:1 b:1 c:2");
  w.put(R"("app":"y")", "a", away(term("x", "zone")));
  EXPECT_EQ(w.where(""), "c");
  EXPECT_EQ(w.where("", R"("app":"z")"), "a b c");
  w.put(R"("app":"y")", "c", away(term("x", "host")));
  EXPECT_EQ(w.where(""), "");
  EXPECT_EQ(w.why(""),
            "0/3 nodes are available: 3 node(s) didn't satisfy existing pods anti-affinity rules.");
  w.snapshot.take_away("d/p1");
  EXPECT_EQ(w.where(""), "a b");
}

struct NamespaceCase {
  const char* more;  // of the term
  const char* where;
};

// Pods "app: db": in d on a, in f on b, in g on c.
TEST(InterPodAffinity, Namespaces) {
  const NamespaceCase kCases[] = {
      {"", "a"},
      {R"(,"namespaces":["f"])", "b"},
      {R"(,"namespaces":["f","g"])", "b c"},
      {R"(,"namespaceSelector":{})", "a b c"},
      {R"(,"namespaceSelector":{"matchLabels":{"team":"red"}})", "b"},
      {R"(,"namespaces":["g"],"namespaceSelector":{"matchLabels":{"team":"red"}})", "b c"},
      {R"(,"namespaceSelector":{"matchExpressions":[{"key":"team","operator":"Exists"}]})", "b c"},
      {R"(,"namespaceSelector":{"matchExpressions":[{"key":"team","operator":"NotIn","values":["red"]}]})",
       "a c"},
  };
  for (const NamespaceCase& c : kCases) {
    SCOPED_TRACE(c.more);
    World w("a:1 b:2 c:3");
    w.snapshot.society().set_namespace(
        testing::make("namespaces", R"({"metadata":{"name":"f","labels":{"team":"red"}}})"));
    w.snapshot.society().set_namespace(
        testing::make("namespaces", R"({"metadata":{"name":"g","labels":{"team":"blue"}}})"));
    w.put(R"("app":"db")", "a");
    w.put(R"("app":"db")", "b", "", "f");
    w.put(R"("app":"db")", "c", "", "g");
    EXPECT_EQ(w.where(near(term("db", "zone", c.more))), c.where);
  }
}

TEST(InterPodAffinity, KeysOfItsOwnLabels) {
  World w("a:1 b:2");
  w.put(R"("app":"x","hash":"1")", "a");
  w.put(R"("app":"x","hash":"2")", "b");
  auto asks = [&](const char* more) {
    return w.where(PodText{
        .name = "new", .spec = away(term("x", "zone", more)), .labels = R"("app":"x","hash":"2")"});
  };
  EXPECT_EQ(asks(""), "");
  EXPECT_EQ(asks(R"(,"matchLabelKeys":["hash"])"), "a");
  EXPECT_EQ(asks(R"(,"mismatchLabelKeys":["hash"])"), "b");
  EXPECT_EQ(asks(R"(,"matchLabelKeys":["other"])"), "") << "a key that it lacks says nothing";
}

TEST(InterPodAffinity, PodsThatAreEndingCountUntilTheyAreGone) {
  World w("a:1 b:2");
  w.put({.name = "old", .labels = R"("app":"x")", .going = true}, "a");
  EXPECT_EQ(w.where(away(term("x", "zone"))), "b");
  EXPECT_EQ(w.where(near(term("x", "zone"))), "a");
}

TEST(InterPodAffinity, Preferences) {
  World w("a:1 b:2 c:3");
  w.put(R"("app":"db")", "b");
  EXPECT_EQ(w.best(likes("podAffinity", 10, term("db", "zone"))), "b");
  w.put(R"("app":"x")", "a");
  w.put(R"("app":"x")", "b");
  EXPECT_EQ(w.best(likes("podAntiAffinity", 10, term("x", "zone"))), "c");
}

TEST(InterPodAffinity, OthersHavePreferencesToo) {
  World w("a:1 b:2");
  w.put(R"("app":"y")", "b", likes("podAffinity", 100, term("x", "zone")));
  w.put(R"("app":"z")", "a");
  EXPECT_EQ(w.best(""), "b");
  World v("a:1 b:2");
  v.put(R"("app":"y")", "a", likes("podAntiAffinity", 100, term("x", "zone")));
  v.put(R"("app":"z")", "b");
  EXPECT_EQ(v.best(""), "b");
}

// ---- PodTopologySpread ----

TEST(PodTopologySpread, MaxSkew) {
  World w("a:1 b:1 c:2 e:3");
  EXPECT_EQ(w.where(constraints(spread("zone", 1))), "a b c e");
  w.put(R"("app":"x")", "a");
  EXPECT_EQ(w.where(constraints(spread("zone", 1))), "c e");
  EXPECT_EQ(w.where(constraints(spread("zone", 2))), "a b c e");
  EXPECT_EQ(w.where(constraints(spread("zone", 1)), R"("app":"y")"), "a b c e")
      << "it does not count itself";
  w.put(R"("app":"x")", "c");
  EXPECT_EQ(w.where(constraints(spread("zone", 1))), "e");
  w.put(R"("app":"x")", "e");
  EXPECT_EQ(w.where(constraints(spread("zone", 1))), "a b c e");
  w.put(R"("app":"y")", "a");
  w.put(R"("app":"x")", "a", "", "other");
  w.put({.name = "old", .labels = R"("app":"x")", .going = true}, "a");
  EXPECT_EQ(w.where(constraints(spread("zone", 1))), "a b c e") << "none of those counts";
}

TEST(PodTopologySpread, NodesWithoutTheLabel) {
  World w("a:1 e:");
  w.put(R"("app":"x")", "e");
  EXPECT_EQ(w.where(constraints(spread("zone", 1))), "a");
  w.put(R"("app":"x")", "a");
  EXPECT_EQ(w.where(constraints(spread("zone", 1))), "a") << "one zone is never uneven";
  EXPECT_EQ(w.why(constraints(spread("none", 1))),
            "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints "
            "(missing required label).");
}

TEST(PodTopologySpread, MinDomains) {
  World w("a:1 b:2");
  w.put(R"("app":"x")", "a");
  w.put(R"("app":"x")", "b");
  EXPECT_EQ(w.where(constraints(spread("zone", 1, R"(,"minDomains":2)"))), "a b");
  EXPECT_EQ(w.where(constraints(spread("zone", 1, R"(,"minDomains":3)"))), "");
  EXPECT_EQ(w.why(constraints(spread("zone", 1, R"(,"minDomains":3)"))),
            "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints.");
}

TEST(PodTopologySpread, SeveralConstraints) {
  World w("a:1 b:1 c:2");
  w.put(R"("app":"x")", "a");
  std::string both = constraints(spread("zone", 1) + "," + spread("host", 1));
  EXPECT_EQ(w.where(both), "c");
  w.put(R"("app":"x")", "c");
  EXPECT_EQ(w.where(both), "b");
}

TEST(PodTopologySpread, WhichNodesCount) {
  World w("a:1 b:2 c:3");
  w.put(R"("app":"x")", "a");
  w.put(R"("app":"x")", "b");
  std::string not_c =
      R"(,"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":)"
      R"({"nodeSelectorTerms":[{"matchExpressions":[)"
      R"({"key":"host","operator":"NotIn","values":["c"]}]}]}}})";
  EXPECT_EQ(w.where(constraints(spread("zone", 1)) + not_c), "a b");
  EXPECT_EQ(w.where(constraints(spread("zone", 1, R"(,"nodeAffinityPolicy":"Ignore")")) + not_c),
            "");
  w.snapshot.set_node(testing::node({.name = "c",
                                     .labels = R"("host":"c","zone":"3")",
                                     .taints = R"({"key":"k","effect":"NoSchedule"})"}));
  EXPECT_EQ(w.where(constraints(spread("zone", 1))), "") << "c counts, though it is tainted";
  EXPECT_EQ(w.where(constraints(spread("zone", 1, R"(,"nodeTaintsPolicy":"Honor")"))), "a b");
}

TEST(PodTopologySpread, KeysOfItsOwnLabels) {
  World w("a:1 b:2");
  w.put(R"("app":"x","hash":"1")", "a");
  PodText p{.name = "new",
            .spec = constraints(spread("zone", 1, R"(,"matchLabelKeys":["hash"])")),
            .labels = R"("app":"x","hash":"2")"};
  EXPECT_EQ(w.where(p), "a b");
}

TEST(PodTopologySpread, RatherEven) {
  World w("a:1 b:2 c:3");
  w.put(R"("app":"x")", "a");
  w.put(R"("app":"x")", "b");
  w.put(R"("app":"y")", "c");
  std::string soft = constraints(spread("zone", 1, "", "ScheduleAnyway"));
  EXPECT_EQ(w.where(soft), "a b c");
  EXPECT_EQ(w.best(soft), "c");
}

// A hundred Pods placed one after the other are never more uneven than they may be.
TEST(PodTopologySpread, HoldsForACrowd) {
  World w("a:1 b:1 c:2 e:2 f:3");
  std::map<char, int> in_zone;
  const std::map<std::string, char> zones = {
      {"a", '1'}, {"b", '1'}, {"c", '2'}, {"e", '2'}, {"f", '3'}};
  for (int i = 0; i < 100; ++i) {
    std::string node = w.best(constraints(spread("zone", 1)));
    ASSERT_NE(node, "");
    w.put(R"("app":"x")", node);
    ++in_zone[zones.at(node)];
    auto [least, most] = std::minmax({in_zone['1'], in_zone['2'], in_zone['3']});
    ASSERT_LE(most - least, 1) << "after " << i;
  }
}

// ---- kept up equals made anew ----

struct Life {
  explicit Life(uint64_t seed) : random(seed) {}

  std::string number(uint64_t below) { return std::to_string(random.below(below)); }

  PodText some_pod() {
    static const std::string kSpecs[] = {
        "",
        near(term("0", "zone")),
        away(term("1", "host")),
        away(term("0", "zone", R"(,"namespaceSelector":{"matchLabels":{"team":"red"}})")),
        likes("podAffinity", 5, term("1", "zone")),
        likes("podAntiAffinity", 7, term("0", "host"))};
    return {.name = "p" + number(30),
            .spec = kSpecs[random.below(6)],
            .labels = R"("app":")" + number(3) + "\"",
            .ns = random.below(4) ? "d" : "f",
            .going = random.below(8) == 0};
  }
  NodeText some_node() {
    std::string name = "n" + number(7);
    NodeText n{.name = name, .labels = R"("host":")" + name + "\"", .pods = "9"};
    if (random.below(5)) n.labels += "," + in_zone(number(3));
    if (random.below(6) == 0) n.taints = R"({"key":"k","effect":"NoSchedule"})";
    return n;
  }
  void step() {
    switch (random.below(8)) {
      case 0:
        snapshot.set_node(testing::node(some_node()));
        break;
      case 1:
        if (random.below(3) == 0) snapshot.remove_node("n" + number(7));
        break;
      case 2:
        snapshot.take_away("p" + number(30));
        break;
      default: {
        PodText p = some_pod();
        p.node = "n" + number(7);
        Guest guest = guest_of(testing::pod(p), snapshot.names(), snapshot.society());
        guest.promised = random.below(6) == 0;
        snapshot.place(p.name, p.node, std::move(guest));
      }
    }
  }

  bus::sim::SeededRandom random;
  Snapshot snapshot;
};

TEST(Neighbours, KeptUpEqualsMadeAnew) {
  const std::string two = spread("zone", 1) + "," + spread("host", 2, "", "ScheduleAnyway");
  const std::string kShapes[] = {
      near(term("0", "zone")),
      near(term("0", "zone") + "," + term("1", "host")),
      away(term("1", "zone") + "," + term("2", "host")),
      likes("podAffinity", 3, term("1", "zone")),
      constraints(spread("zone", 1, R"(,"nodeTaintsPolicy":"Honor")")),
      constraints(two) + "," + likes("podAntiAffinity", 9, term("0", "host")),
      ""};
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(seed);
    Demands demands;
    life.snapshot.society().set_namespace(
        testing::make("namespaces", R"({"metadata":{"name":"f","labels":{"team":"red"}}})"));
    Planner kept(life.snapshot, default_profile(), life.random);
    for (int i = 0; i < 80; ++i) {
      for (uint64_t steps = life.random.below(4); steps > 0; --steps) life.step();
      Planner fresh(life.snapshot, default_profile(), life.random);
      for (const std::string& shape : kShapes) {
        for (const char* app : {"0", "1"}) {
          Object pod =
              testing::pod({.spec = shape, .labels = R"("app":")" + std::string(app) + "\""});
          DemandPtr d = demands.of(pod, life.snapshot.names(), life.snapshot.society());
          for (Row r = 0; r < life.snapshot.rows(); ++r) {
            ASSERT_EQ(kept.score_on(d, r), fresh.score_on(d, r))
                << shape << " on row " << r << " step " << i;
          }
          if (!kept.place(d)) {
            ASSERT_EQ(kept.explain(d).why, fresh.explain(d).why);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace kubus::scheduler
