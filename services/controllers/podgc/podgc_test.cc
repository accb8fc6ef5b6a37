#include "services/controllers/podgc/podgc.h"

#include <gtest/gtest.h>

#include "bus/kit/testing/cluster.h"

namespace kubus::controllers::podgc {
namespace {

using kit::testing::key;
using std::chrono::minutes;
using std::chrono::seconds;

struct PodGcTest : ::testing::Test {
  // One process' worth of it.
  struct Process {
    Process(bus::Ports ports, kit::ClientOptions options)
        : client(ports, std::move(options)),
          informers(ports, client),
          shared{ports, client, informers},
          gc(shared, {.finished_most = 3}) {
      informers.start();
    }
    kit::Client client;
    Informers informers;
    Shared shared;
    PodGc gc;
  };
  void start() {
    process =
        std::make_unique<Process>(c.host("controllers").ports(), c.client_options("controllers"));
  }
  void pod(const std::string& name, const std::string& node, const std::string& phase,
           bool terminating = false) {
    std::string more =
        terminating
            ? R"(,"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":30)"
            : "";
    std::string at = node.empty() ? "" : R"("nodeName":")" + node + R"(",)";
    c.put("pods", "d",
          R"({"metadata":{"name":")" + name + "\"" + more + R"(},"spec":{)" + at +
              R"("containers":[{"name":"c","image":"i"}]},"status":{"phase":")" + phase + R"("}})");
  }
  void node(const std::string& ready, const std::string& taints = "") {
    c.put("nodes", "",
          R"({"metadata":{"name":"n"},"spec":{"taints":[)" + taints +
              R"(]},"status":{"conditions":[{"type":"Ready","status":")" + ready + R"("}]}})");
  }
  bool there(const std::string& name) { return bool(c.store.find(key("pods", "d", name))); }

  kit::testing::Cluster c;
  std::unique_ptr<Process> process;
};

TEST_F(PodGcTest, PodsOfANodeThatIsGoneGoAfterTheQuarantine) {
  node("True");
  for (int i = 0; i < 300; ++i) pod("p" + std::to_string(i), "n", "Running");
  start();
  c.world.run_for(minutes(2));
  c.erase("nodes", "", "n");
  c.world.run_for(seconds(38));
  EXPECT_TRUE(there("p7"));
  c.world.run_for(seconds(4));
  EXPECT_FALSE(there("p7"));
  EXPECT_FALSE(there("p299"));
}

TEST_F(PodGcTest, ANodeThatComesBackInTimeKeepsThem) {
  node("True");
  pod("p", "n", "Running");
  start();
  c.world.run_for(seconds(5));
  c.erase("nodes", "", "n");
  c.world.run_for(seconds(30));
  node("True");
  c.world.run_for(minutes(5));
  EXPECT_TRUE(there("p"));
  c.erase("nodes", "", "n");
  c.world.run_for(seconds(30));
  EXPECT_TRUE(there("p")) << "the quarantine begins anew";
}

TEST_F(PodGcTest, WhatACacheSaysIsAskedAgain) {
  node("True");
  pod("p", "n", "Running");
  start();
  c.world.run_for(seconds(5));
  c.erase("nodes", "", "n");
  c.world.run_for(seconds(39));
  // It is back, but the controller is not told in time.
  c.store.lose_events(1);
  node("True");
  c.world.run_for(minutes(5));
  EXPECT_TRUE(there("p"));
}

TEST_F(PodGcTest, ARestartBeginsTheQuarantineAnew) {
  pod("p", "n", "Running");
  start();
  c.world.run_for(seconds(30));
  process.reset();
  start();
  c.world.run_for(seconds(30));
  EXPECT_TRUE(there("p"));
  c.world.run_for(seconds(12));
  EXPECT_FALSE(there("p"));
}

TEST_F(PodGcTest, OfTooManyFinishedPodsTheOldestGo) {
  node("True");
  start();
  for (int i = 0; i < 6; ++i) {
    pod("p" + std::to_string(i), "n", i % 2 ? "Failed" : "Succeeded");
    c.world.run_for(seconds(2));
  }
  pod("runs", "n", "Running");
  c.world.run_for(seconds(5));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(there("p" + std::to_string(i)), i >= 3) << i;
  EXPECT_TRUE(there("runs"));
}

TEST_F(PodGcTest, WhatIsToGoAndHasNoNodeGoes) {
  pod("p", "", "Pending", true);
  pod("q", "", "Pending");
  start();
  c.world.run_for(seconds(5));
  EXPECT_FALSE(there("p"));
  EXPECT_TRUE(there("q"));
}

TEST_F(PodGcTest, OutOfService) {
  const std::string taint = R"({"key":"node.kubernetes.io/out-of-service","effect":"NoExecute"})";
  node("Unknown");
  pod("p", "n", "Running", true);
  pod("stays", "n", "Running");
  start();
  c.world.run_for(minutes(2));
  EXPECT_TRUE(there("p")) << "its kubelet may still end it";
  node("True", taint);
  c.world.run_for(seconds(5));
  EXPECT_TRUE(there("p")) << "a node that is ready is in service";
  node("Unknown", taint);
  c.world.run_for(seconds(5));
  EXPECT_FALSE(there("p"));
  EXPECT_TRUE(there("stays"));
}

}  // namespace
}  // namespace kubus::controllers::podgc
