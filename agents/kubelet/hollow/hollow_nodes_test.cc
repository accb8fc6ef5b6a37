// Fifty nodes in one simulated process.
#include "agents/kubelet/hollow/hollow_nodes.h"

#include <gtest/gtest.h>

#include "bus/kit/testing/cluster.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::kubelet {
namespace {

using kit::testing::key;
using std::chrono::seconds;

constexpr int kNodes = 50, kPodsEach = 2;

struct HollowTest : ::testing::Test {
  HollowTest() {
    for (int i = 0; i < kNodes; ++i) {
      machines.push_back(std::make_unique<HollowMachine>(ports.clock));
      c.put("nodes", "",
            R"({"metadata":{"name":")" + hollow_name("hollow", i) +
                R"("},"spec":{"podCIDR":"10.0.)" + std::to_string(i) + R"(.0/24"}})");
    }
    start();
  }
  void start() {
    nodes = std::make_unique<HollowNodes>(ports, machines,
                                          HollowOptions{.cluster = c.client_options("x").cluster});
  }
  std::string name(int i) const { return "p" + std::to_string(i); }
  void put_pods(const std::string& more = "") {
    for (int i = 0; i < kNodes * kPodsEach; ++i) {
      c.put("pods", "d",
            R"({"metadata":{"name":")" + name(i) + "\"" + more + R"(},"spec":{"nodeName":")" +
                hollow_name("hollow", i % kNodes) +
                R"(","restartPolicy":"Never","containers":[{"name":"c","image":"web:1"}]}})");
    }
  }
  size_t in_phase(const std::string& phase) {
    size_t n = 0;
    for (int i = 0; i < kNodes * kPodsEach; ++i)
      n += c.store.find(key("pods", "d", name(i))).field("status.phase") == phase;
    return n;
  }
  size_t running_containers() const {
    size_t n = 0;
    for (const auto& m : machines) n += m->runtime.running();
    return n;
  }
  bool all_in_phase(const std::string& phase) {
    return c.world.run_until([&] { return in_phase(phase) == kNodes * kPodsEach; }, seconds(60));
  }

  kit::testing::Cluster c{1};
  bus::Ports ports = c.host("hollow").ports();
  std::vector<std::unique_ptr<HollowMachine>> machines;
  std::unique_ptr<HollowNodes> nodes;
};

TEST_F(HollowTest, RunTheirPodsEachUnderItsOwnName) {
  c.world.run_for(seconds(20));  // by then they know their networks
  put_pods();
  ASSERT_TRUE(all_in_phase("Running"));
  EXPECT_EQ(nodes->started(), static_cast<size_t>(kNodes));
  for (const auto& m : machines) EXPECT_EQ(m->runtime.running(), static_cast<size_t>(kPodsEach));
  EXPECT_EQ(c.store.find(key("pods", "d", name(7))).field("status.podIP")->substr(0, 7), "10.0.7.");
}

TEST_F(HollowTest, APodEndsAsItsAnnotationSays) {
  put_pods(R"(,"annotations":{"kubus.io/fake-exit":"0 after 5s"})");
  ASSERT_TRUE(all_in_phase("Running"));
  EXPECT_TRUE(all_in_phase("Succeeded"));
  EXPECT_EQ(running_containers(), 0u);
}

TEST_F(HollowTest, AProcessThatComesBackAdoptsWhatRuns) {
  put_pods();
  ASSERT_TRUE(all_in_phase("Running"));
  std::string before(c.store.find(key("pods", "d", name(3))).uid());
  std::vector<std::string> containers;
  for (const auto& m : machines) {
    for (const auto& [id, each] : m->runtime.containers()) containers.push_back(id);
  }
  nodes.reset();
  c.world.run_for(seconds(30));
  EXPECT_EQ(running_containers(), static_cast<size_t>(kNodes * kPodsEach));
  start();
  c.world.run_for(seconds(30));
  std::vector<std::string> after;
  for (const auto& m : machines) {
    for (const auto& [id, each] : m->runtime.containers()) after.push_back(id);
  }
  EXPECT_EQ(after, containers);
  EXPECT_EQ(in_phase("Running"), static_cast<size_t>(kNodes * kPodsEach));
  EXPECT_EQ(c.store.find(key("pods", "d", name(3))).uid(), before);
}

TEST(FakeExit, IsACodeAndSeconds) {
  EXPECT_EQ(parse_fake_exit("0 after 5s")->after, seconds(5));
  EXPECT_EQ(parse_fake_exit("137 after 0s")->code, 137);
  for (const char* bad : {"", "0", " after ", "x after 1s", "0 after s", "0 after 1", "0 after -1s",
                          "0 after 1s ", "-1 after 1s", "0after1s"})
    EXPECT_FALSE(parse_fake_exit(bad)) << bad;
}

}  // namespace
}  // namespace kubus::kubelet
