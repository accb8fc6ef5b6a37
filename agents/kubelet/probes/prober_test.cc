#include "agents/kubelet/probes/prober.h"

#include <gtest/gtest.h>

#include "agents/kubelet/fake/fake_network.h"
#include "agents/kubelet/fake/fake_runtime.h"
#include "bus/sim/world.h"

namespace kubus::kubelet {
namespace {

using std::chrono::seconds;

class ProberTest : public testing::Test {
 protected:
  static Probes ready_at(int port, int64_t period = 1, int64_t timeout = 1) {
    Probe p;
    p.check.kind = Check::Kind::kTcp;
    p.check.port = port;
    p.period = period;
    p.timeout = timeout;
    p.failure_threshold = 1;
    return {.readiness = p};
  }
  static Probes ready_if(const std::string& command, int64_t timeout = 1) {
    Probe p;
    p.check.command = {command};
    p.period = 1;
    p.failure_threshold = 2;
    p.timeout = timeout;
    return {.readiness = p};
  }
  void watch(const std::string& container, const Probes& probes, const std::string& id = "c1") {
    prober_.watch({"u", container}, {{id, "10.0.0.9"}, host_.ports().clock.wall_ns()}, probes, {});
  }
  bool ready(const std::string& container, const std::string& id = "c1") const {
    const Health* h = prober_.health({"u", container}, id);
    return h && h->ready();
  }

  bus::sim::World world_{1};
  bus::sim::Host& host_ = world_.add_host("kubelet");
  FakeRuntime runtime_{host_.ports().clock};
  FakeNetwork network_{host_.ports().clock};
  Checker checker_{host_.ports(), runtime_, network_};
  std::vector<std::string> failed_;
  int changes_ = 0;
  Prober prober_{host_.ports(),
                 checker_,
                 {.failed = [this](const Prober::Key& k, ProbeKind,
                                   const std::string&) { failed_.push_back(k.container); },
                  .changed = [this](const Prober::Key&) { ++changes_; }}};
};

TEST_F(ProberTest, TellsWhenReadinessTurns) {
  watch("web", ready_at(80));
  world_.run_for(seconds(5));
  EXPECT_FALSE(ready("web"));
  EXPECT_GE(failed_.size(), 3u);
  EXPECT_EQ(changes_, 0);
  network_.answer("80", 200);
  world_.run_for(seconds(2));
  EXPECT_TRUE(ready("web"));
  EXPECT_EQ(changes_, 1);
  network_.refuse("80");
  world_.run_for(seconds(2));
  EXPECT_FALSE(ready("web"));
  EXPECT_EQ(changes_, 2);
}

TEST_F(ProberTest, OneThatHangsKeepsNobodyWaiting) {
  runtime_.add_container("c1");
  runtime_.hang_exec_of("stuck");
  for (int i = 0; i < 100; ++i) watch("stuck" + std::to_string(i), ready_if("stuck", 3));
  watch("good", ready_if("true"));
  network_.hang("81");
  for (int i = 0; i < 1000; ++i) watch("silent" + std::to_string(i), ready_at(81, 1, 3));
  network_.answer("80", 200);
  watch("web", ready_at(80));
  // The first tries: 101 commands, 16 at once, each cut after 3 s. Then those that hang have
  // places of their own.
  world_.run_for(seconds(25));
  EXPECT_TRUE(ready("good"));
  EXPECT_TRUE(ready("web"));
  EXPECT_LE(runtime_.most_execs(), 2 * 32u);
  runtime_.answer_exec("true", {"", "", 1});
  network_.refuse("80");
  world_.run_for(seconds(6));
  EXPECT_FALSE(ready("good"));
  EXPECT_FALSE(ready("web"));
}

TEST_F(ProberTest, AnotherRunBeginsAnew) {
  network_.answer("80", 200);
  watch("web", ready_at(80));
  world_.run_for(seconds(2));
  ASSERT_TRUE(ready("web"));
  watch("web", ready_at(80), "c2");
  EXPECT_FALSE(prober_.health({"u", "web"}, "c1"));
  EXPECT_FALSE(ready("web", "c2"));
  world_.run_for(seconds(2));
  EXPECT_TRUE(ready("web", "c2"));
}

TEST_F(ProberTest, WhatIsForgottenIsNotAskedAnyMore) {
  watch("web", ready_at(80));
  watch("side", ready_at(81));
  world_.run_for(seconds(2));
  prober_.forget({"u", "web"});
  prober_.forget_pod("u");
  size_t before = network_.seen().size();
  world_.run_for(seconds(10));
  EXPECT_EQ(network_.seen().size(), before);
  EXPECT_FALSE(prober_.health({"u", "side"}, "c1"));
}

}  // namespace
}  // namespace kubus::kubelet
