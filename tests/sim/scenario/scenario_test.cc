#include "tests/sim/scenario/scenario.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(problem("safety 1m\n"), "\"converge DURATION\" is missing");
  EXPECT_EQ(problem(""), "\"safety DURATION\" is missing");
}

}  // namespace
}  // namespace kubus::sim
