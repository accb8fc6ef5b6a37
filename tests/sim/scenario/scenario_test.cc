#include "tests/sim/scenario/scenario.h"

#include <gtest/gtest.h>

#include <set>

namespace kubus::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string problem(std::string_view text) {
  auto scenario = parse_scenario("x", text);
  return scenario ? "" : scenario.error().message;
}

TEST(Scenario, IsReadWhole) {
  auto s = parse_scenario("x", R"(# What it is about.
cluster nodes=5 schedulers=2   # two
deployment web replicas=6
safety 4m
  roll web every=40s
  kill store every=50s for=0s..8s
  lose permille=5
converge 200ms
evictions most=0
)");
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(s->about, "What it is about.");
  EXPECT_EQ(s->cluster.nodes, 5);
  EXPECT_EQ(s->cluster.schedulers, 2);
  ASSERT_EQ(s->setup.size(), 1u);
  EXPECT_EQ(s->setup[0].name(), "web");
  EXPECT_EQ(s->setup[0].number("replicas", 1), 6);
  ASSERT_EQ(s->workload.size(), 1u);
  ASSERT_EQ(s->faults.size(), 2u);
  EXPECT_EQ(s->faults[0].range("for", "1s"),
            std::pair(bus::Duration(0), bus::Duration(seconds(8))));
  EXPECT_EQ(s->expectations.size(), 1u);
  EXPECT_EQ(s->safety, seconds(240));
  EXPECT_EQ(s->converge, milliseconds(200));
}

TEST(Scenario, HowMuchIsKeptMayBeLeftToTheSeed) {
  auto s =
      parse_scenario("x", "cluster keep=200..2000 keep-time=1s..30s\nsafety 1s\nconverge 1s\n");
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(s->cluster.keep_revisions, 200u);
  EXPECT_EQ(s->cluster.keep_revisions_most, 2000u);
  EXPECT_EQ(s->cluster.keep_time, seconds(1));
  EXPECT_EQ(s->cluster.keep_time_most, seconds(30));
  std::set<uint64_t> chosen;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Cluster cluster(seed, s->cluster);
    chosen.insert(cluster.spec().keep_revisions);
    EXPECT_GE(cluster.spec().keep_revisions, 200u);
    EXPECT_LE(cluster.spec().keep_revisions, 2000u);
    EXPECT_LE(cluster.spec().keep_time, seconds(30));
  }
  EXPECT_GT(chosen.size(), 1u);
}

TEST(Scenario, ABridgeHasRoutes) {
  auto s = parse_scenario("x",
                          "route web group=apps resource=deployments namespace=default to=batches\n"
                          "safety 1s\nconverge 1s\n");
  ASSERT_TRUE(s) << s.error().message;
  ASSERT_EQ(s->cluster.routes.size(), 1u);
  EXPECT_EQ(s->cluster.routes[0].name, "web");
  EXPECT_EQ(s->cluster.routes[0].kind->resource, "deployments");
  EXPECT_EQ(s->cluster.routes[0].ns, "default");
  EXPECT_EQ(s->cluster.routes[0].to, RouteSpec::To::kBatches);
  EXPECT_EQ(problem("route x resource=stars\n"), "line 1: there is no resource \"stars\"");
  EXPECT_EQ(problem("route resource=pods\n"), "line 1: the route has no name");
  EXPECT_EQ(problem("route x resource=pods to=mars\n"),
            "line 1: to: each, batches, subjects or file");
}

TEST(Scenario, WhatIsWrongIsNamedWithItsLine) {
  EXPECT_EQ(problem("safety 1m\nconverge 1m\nexplode store\n"),
            "line 3: \"explode\" is nothing known");
  EXPECT_EQ(problem("kill store often=1s\n"), "line 1: kill has no option often");
  EXPECT_EQ(problem("\nkill store every=soon\n"),
            "line 2: every: \"soon\" is no duration (5s, 200ms, 1h)");
  EXPECT_EQ(problem("kill store every=9s..1s\n"), "line 1: every: the range ends before it begins");
  EXPECT_EQ(problem("lose permille=few\n"), "line 1: permille: \"few\" is no number");
  EXPECT_EQ(problem("lose permille=1 permille=2\n"), "line 1: permille is given twice");
  EXPECT_EQ(problem("cluster moons=2\n"), "line 1: cluster has no option moons");
  EXPECT_EQ(problem("cluster keep=many\n"), "line 1: keep: \"many\" is no number");
  EXPECT_EQ(problem("cluster keep=9..1\n"), "line 1: keep: the range ends before it begins");
  EXPECT_EQ(problem("safety 1m\n"), "\"converge DURATION\" is missing");
  EXPECT_EQ(problem(""), "\"safety DURATION\" is missing");
}

}  // namespace
}  // namespace kubus::sim
