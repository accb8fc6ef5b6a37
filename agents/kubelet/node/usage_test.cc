#include "agents/kubelet/node/usage.h"

#include <gtest/gtest.h>

#include "agents/kubelet/node/pressure.h"
#include "agents/kubelet/pods/model.h"

namespace kubus::kubelet {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

Usage usage(const std::string& id, const std::string& name, int64_t at, uint64_t cpu) {
  return {id, {{kPodNamespace, "shop"}, {kPodName, "web"}, {kContainerName, name}}, at, cpu, 1000};
}

TEST(Usage, IsMeasuredBetweenTwoLooks) {
  UsageSample a{.at = 10 * kSecond, .node_cpu_ns = 5, .node_memory_bytes = 7};
  a.containers = {usage("x", "c", 10 * kSecond, 100'000'000)};
  UsageSample b{.at = 12 * kSecond, .node_cpu_ns = 5 + 3'000'000'000, .node_memory_bytes = 9};
  b.containers = {usage("x", "c", 12 * kSecond, 600'000'000),
                  usage("y", "new", 12 * kSecond, 900'000'000)};
  EXPECT_EQ(usage_text(a, b),
            R"({"node":{"cpuMilli":1500,"memoryBytes":9},"pods":[{"namespace":"shop","name":"web",)"
            R"("containers":[{"name":"c","cpuMilli":250,"memoryBytes":1000},)"
            R"({"name":"new","cpuMilli":0,"memoryBytes":1000}]}]})");
}

TEST(Usage, NothingIsNegative) {
  UsageSample a{.at = 10, .node_cpu_ns = 50}, b{.at = 10, .node_cpu_ns = 20};
  EXPECT_EQ(usage_text(a, b), R"({"node":{"cpuMilli":0,"memoryBytes":0},"pods":[]})");
}

TEST(Usage, ThisMachineUsesSomething) {
  UsageSample s = read_node_usage(1);
  EXPECT_GT(s.node_cpu_ns, 0u);
  EXPECT_GT(s.node_memory_bytes, 0u);
}

TEST(Pressure, IsSaidWhenLittleIsLeftAndUntilThereIsMore) {
  Readings r{.memory_total = 1 << 30, .memory_available = 99 << 20};
  r.disk_total = 1000;
  r.disk_available = 50;
  r.inodes_total = 1000;
  r.inodes_available = 900;
  r.pids_total = 1000;
  r.pids_used = 951;
  Pressure p = judge_pressure(r, {});
  EXPECT_NE(p.memory, "");
  EXPECT_EQ(p.disk, "");
  EXPECT_NE(p.pids, "");
  r.memory_available = 110 << 20;
  EXPECT_NE(judge_pressure(r, p).memory, "");
  EXPECT_EQ(judge_pressure(r, {}).memory, "");
  r.memory_available = 130 << 20;
  EXPECT_EQ(judge_pressure(r, p).memory, "");
  r.inodes_available = 10;
  EXPECT_NE(judge_pressure(r, {}).disk, "");
}

TEST(Pressure, WhatCannotBeReadPressesNobody) {
  EXPECT_EQ(judge_pressure({}, {}), Pressure());
}

}  // namespace
}  // namespace kubus::kubelet
