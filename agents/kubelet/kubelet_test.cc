#include "agents/kubelet/kubelet_fixture.h"

namespace kubus::kubelet {
namespace {

constexpr const char* kWeb = R"({"containers":[{"name":"web","image":"web:1"}]})";
constexpr const char* kOnce =
    R"({"restartPolicy":"Never","containers":[{"name":"web","image":"web:1"}]})";

TEST_F(KubeletTest, TellsTheNetworkAndBecomesReady) {
  ASSERT_TRUE(world_.run_until(
      [&] {
        Object node = store_.find({&kind("nodes"), "", "n1"});
        std::string text = json::serialize(codec::to_value(node.kind(), node.bytes()));
        return text.find("KubeletReady") != std::string::npos;
      },
      seconds(30)));
  EXPECT_EQ(runtime_.pod_cidr(), "10.0.0.0/24");
}

TEST_F(KubeletTest, APodRunsAndSaysSo) {
  create("a", kWeb);
  ASSERT_TRUE(becomes("a", "Running"));
  EXPECT_EQ(runtime_.done(),
            (std::vector<std::string>{"run sandbox a 0", "create web 0", "start web"}));
  EXPECT_TRUE(container("a").at("ready").as_bool());
  EXPECT_EQ(status("a").at("hostIP"), "192.0.2.1");
  EXPECT_TRUE(store_.find(pod("a")).field("status.podIP").has_value());
}

TEST_F(KubeletTest, WhatEndsForGoodIsFinal) {
  create("a", kOnce);
  ASSERT_TRUE(becomes("a", "Running"));
  runtime_.end("web", 3);
  ASSERT_TRUE(becomes("a", "Failed"));
  EXPECT_EQ(container("a").at("state").at("terminated").at("exitCode").to_number<int>(), 3);
  world_.run_for(seconds(60));
  EXPECT_EQ(runtime_.configs().at("web").attempt, 0u);
}

TEST_F(KubeletTest, WhatKeepsCrashingIsHeldBack) {
  create("a", kWeb);
  ASSERT_TRUE(becomes("a", "Running"));
  runtime_.end("web", 1);
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(5)));
  runtime_.end("web", 1);
  EXPECT_TRUE(waits_for("a", "CrashLoopBackOff"));
  EXPECT_EQ(runtime_.running(), 0u);
  EXPECT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(15)));
  world_.run_for(seconds(2));
  EXPECT_EQ(container("a").at("restartCount").to_number<int>(), 2);
}

TEST_F(KubeletTest, SaysWhyAnImageIsMissing) {
  create("a", R"({"containers":[{"name":"web","image":"no:1","imagePullPolicy":"Never"}]})");
  EXPECT_TRUE(waits_for("a", "ErrImageNeverPull"));
  create("b", R"({"containers":[{"name":"web","image":"far:1"}]})");
  EXPECT_TRUE(waits_for("b", "ErrImagePull"));
  runtime_.add_to_registry("far:1");
  EXPECT_TRUE(becomes("b", "Running"));
}

TEST_F(KubeletTest, AMissingConfigMapIsNamedAndAwaited) {
  create("a", R"({"containers":[{"name":"web","image":"web:1","env":[{"name":"X","valueFrom":
      {"configMapKeyRef":{"name":"settings","key":"x"}}}]}]})");
  EXPECT_TRUE(waits_for("a", "settings"));
  store_.put(kind("configmaps"), "default",
             json::parse(R"({"metadata":{"name":"settings"},"data":{"x":"1"}})"));
  ASSERT_TRUE(becomes("a", "Running"));
  EXPECT_EQ(runtime_.configs().at("web").environment,
            (std::vector<std::pair<std::string, std::string>>{{"X", "1"}}));
}

TEST_F(KubeletTest, ADeletedPodIsStoppedThenRemoved) {
  create("a", kWeb);
  ASSERT_TRUE(becomes("a", "Running"));
  json::value v = codec::to_value(kind("pods"), store_.find(pod("a")).bytes());
  v.at("metadata").as_object()["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  v.at("metadata").as_object()["deletionGracePeriodSeconds"] = 7;
  store_.put(kind("pods"), "default", v);
  ASSERT_TRUE(world_.run_until([&] { return !store_.find(pod("a")); }, seconds(30)));
  EXPECT_EQ(runtime_.done().at(3), "stop web 7");
  EXPECT_EQ(runtime_.done().back(), "remove sandbox a");
}

TEST_F(KubeletTest, WhatRunsIsAdoptedAndOrphansGo) {
  create("a", kWeb);
  create("b", kWeb);
  ASSERT_TRUE(becomes("a", "Running"));
  ASSERT_TRUE(becomes("b", "Running"));
  kubelet_.reset();
  store_.erase(pod("b"));
  size_t before = runtime_.done().size();
  start();
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(30)));
  world_.run_for(seconds(10));
  EXPECT_EQ(std::vector<std::string>(runtime_.done().begin() + static_cast<long>(before),
                                     runtime_.done().end()),
            (std::vector<std::string>{"stop web 30", "stop sandbox b", "remove sandbox b"}));
  EXPECT_TRUE(phase_is("a", "Running"));
}

TEST_F(KubeletTest, PodsAreRestartedWithoutTheBus) {
  create("a", kWeb);
  ASSERT_TRUE(becomes("a", "Running"));
  host_.set_connected(false);
  runtime_.end("web", 1);
  EXPECT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(10)));
  host_.set_connected(true);
  EXPECT_TRUE(world_.run_until(
      [&] { return container("a").at("restartCount").to_number<int>() == 1; }, seconds(120)));
}

TEST_F(KubeletTest, ABrokenSandboxIsReplaced) {
  create("a", kWeb);
  ASSERT_TRUE(becomes("a", "Running"));
  runtime_.break_sandbox();
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(30)));
  world_.run_for(seconds(5));
  EXPECT_EQ(runtime_.configs().at("web").attempt, 1u);
  EXPECT_TRUE(phase_is("a", "Running"));
}

TEST_F(KubeletTest, ARuntimeThatIsAwayHarmsNothing) {
  create("a", kWeb);
  ASSERT_TRUE(becomes("a", "Running"));
  size_t before = runtime_.done().size();
  runtime_.away(true);
  world_.run_for(seconds(30));
  runtime_.away(false);
  world_.run_for(seconds(30));
  EXPECT_EQ(runtime_.done().size(), before);
  EXPECT_TRUE(phase_is("a", "Running"));
}

TEST_F(KubeletTest, AnOperationThatFailsIsTriedAgain) {
  runtime_.fail_next("run sandbox", Error(Code::kInternal, "no address left"));
  create("a", kWeb);
  EXPECT_TRUE(waits_for("a", "no address left"));
  EXPECT_TRUE(becomes("a", "Running"));
}

TEST_F(KubeletTest, InitContainersGoFirst) {
  create("a", R"({"initContainers":[{"name":"init","image":"web:1"}],
                  "containers":[{"name":"web","image":"web:1"}]})");
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(10)));
  world_.run_for(seconds(5));
  EXPECT_TRUE(phase_is("a", "Pending"));
  EXPECT_EQ(runtime_.configs().count("web"), 0u);
  runtime_.end("init", 0);
  EXPECT_TRUE(becomes("a", "Running"));
}

TEST_F(KubeletTest, ARuntimeThatGoesAwayWhileItIsLookedAtIsNotTakenForEmpty) {
  create("web", R"({"containers":[{"name":"c","image":"web:1"}]})");
  ASSERT_TRUE(becomes("web", "Running"));
  for (const char* operation : {"sandbox status", "container status"}) {
    kubelet_.reset();
    size_t before = runtime_.done().size();
    runtime_.fail_next(operation, Error(Code::kUnavailable, "the runtime went away"));
    start();
    world_.run_for(seconds(30));
    EXPECT_TRUE(done_since(before).empty()) << operation << ": " << done_since(before).front();
    EXPECT_EQ(container("web").at("restartCount").as_int64(), 0) << operation;
  }
}

}  // namespace
}  // namespace kubus::kubelet
