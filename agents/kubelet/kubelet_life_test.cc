// Probes, hooks, sidecars, and what a kubelet does that is alone.
#include "agents/kubelet/kubelet_fixture.h"

namespace kubus::kubelet {
namespace {

class KubeletLifeTest : public KubeletTest {
 protected:
  std::vector<std::string> reasons() {
    std::vector<std::string> out;
    for (const auto& [key, e] : store_.state().objects()) {
      if (key.kind != &kind("events")) continue;
      json::value v = codec::to_value(e.kind(), e.bytes());
      out.emplace_back(v.at("reason").as_string());
    }
    return out;
  }
  bool told(const std::string& reason) {
    return world_.run_until(
        [&] {
          auto all = reasons();
          return std::find(all.begin(), all.end(), reason) != all.end();
        },
        seconds(30));
  }
  int restarts(const std::string& name) const {
    return container(name).at("restartCount").to_number<int>();
  }
};

constexpr const char* kWeb = R"({"containers":[{"name":"web","image":"web:1"}]})";
constexpr const char* kProbed = R"({"containers":[{"name":"web","image":"web:1",
    "ports":[{"name":"http","containerPort":80}],
    "readinessProbe":{"httpGet":{"path":"/ready","port":"http"},"periodSeconds":1,
                      "timeoutSeconds":1,"failureThreshold":2,"successThreshold":1}}]})";
constexpr const char* kLives = R"({"containers":[{"name":"web","image":"web:1",
    "livenessProbe":{"exec":{"command":["alive"]},"periodSeconds":1,"timeoutSeconds":1,
                     "failureThreshold":2,"successThreshold":1,"terminationGracePeriodSeconds":5}}]})";

TEST_F(KubeletLifeTest, ReadinessFollowsTheProbe) {
  create("a", kProbed);
  ASSERT_TRUE(becomes("a", "Running"));
  world_.run_for(seconds(5));
  EXPECT_FALSE(ready("a"));
  EXPECT_FALSE(container("a").at("ready").as_bool());
  EXPECT_TRUE(container("a").at("started").as_bool());
  EXPECT_EQ(condition("a", "ContainersReady").at("reason"), "ContainersNotReady");
  EXPECT_TRUE(told("Unhealthy"));
  network_.answer("/ready", 200);
  ASSERT_TRUE(gets_ready("a"));
  EXPECT_EQ(condition("a", "ContainersReady").at("status"), "True");
  network_.answer("/ready", 503);
  EXPECT_TRUE(gets_ready("a", false));
  EXPECT_EQ(restarts("a"), 0);
}

TEST_F(KubeletLifeTest, AHangingProbeEndsReadinessOfItsOwnOnly) {
  network_.answer("/ready", 200);
  create("a", kProbed);
  create("b", kWeb);
  ASSERT_TRUE(gets_ready("a"));
  ASSERT_TRUE(gets_ready("b"));
  network_.hang("/ready");
  EXPECT_TRUE(gets_ready("a", false));
  create("c", kWeb);
  EXPECT_TRUE(gets_ready("c"));
  EXPECT_TRUE(ready("b"));
}

TEST_F(KubeletLifeTest, ARestartOfTheKubeletDoesNotUnready) {
  network_.answer("/ready", 200);
  create("a", kProbed);
  ASSERT_TRUE(gets_ready("a"));
  std::string since(condition("a", "Ready").at("lastTransitionTime").as_string());
  size_t before = runtime_.done().size();
  kubelet_.reset();
  world_.run_for(seconds(30));
  network_.hang("/ready");
  start();
  world_.run_for(std::chrono::milliseconds(1500));
  EXPECT_TRUE(ready("a"));
  EXPECT_EQ(condition("a", "Ready").at("lastTransitionTime"), json::string_view(since));
  EXPECT_TRUE(gets_ready("a", false)) << "and then what probes say";
  EXPECT_EQ(runtime_.done().size(), before);
}

TEST_F(KubeletLifeTest, AReadinessGateHoldsReadyBack) {
  create("a", R"({"readinessGates":[{"conditionType":"example.org/in"}],
                  "containers":[{"name":"web","image":"web:1"}]})");
  ASSERT_TRUE(becomes("a", "Running"));
  world_.run_for(seconds(3));
  EXPECT_FALSE(ready("a"));
  EXPECT_EQ(condition("a", "ContainersReady").at("status"), "True");
  EXPECT_EQ(condition("a", "Ready").at("reason"), "ReadinessGatesNotReady");
  json::value v = codec::to_value(kind("pods"), store_.find(pod("a")).bytes());
  v.at("status")
      .at("conditions")
      .as_array()
      .push_back(json::object{{"type", "example.org/in"}, {"status", "True"}});
  store_.put(kind("pods"), "default", v);
  EXPECT_TRUE(gets_ready("a"));
}

TEST_F(KubeletLifeTest, WhatIsNotAliveIsStartedAgain) {
  create("a", kLives);
  ASSERT_TRUE(becomes("a", "Running"));
  world_.run_for(seconds(5));
  EXPECT_EQ(restarts("a"), 0);
  runtime_.answer_exec("alive", {"", "dead", 1});
  ASSERT_TRUE(world_.run_until([&] { return restarts("a") == 1; }, seconds(20)));
  EXPECT_EQ(runtime_.done().at(3), "stop web 5");
  EXPECT_TRUE(told("Unhealthy"));
  EXPECT_TRUE(told("Killing"));
}

TEST_F(KubeletLifeTest, AStartupProbeHoldsTheOthersBack) {
  runtime_.answer_exec("up", {"", "not yet", 1});
  runtime_.answer_exec("alive", {"", "dead", 1});
  create("a", R"({"containers":[{"name":"web","image":"web:1",
      "startupProbe":{"exec":{"command":["up"]},"periodSeconds":1,"failureThreshold":60},
      "livenessProbe":{"exec":{"command":["alive"]},"periodSeconds":1,"failureThreshold":1}}]})");
  ASSERT_TRUE(becomes("a", "Running"));
  world_.run_for(seconds(20));
  EXPECT_FALSE(container("a").at("started").as_bool());
  EXPECT_FALSE(ready("a"));
  EXPECT_EQ(restarts("a"), 0);
  runtime_.answer_exec("up", {});
  EXPECT_TRUE(world_.run_until([&] { return restarts("a") == 1; }, seconds(20)));
}

TEST_F(KubeletLifeTest, HooksRunAfterTheStartAndBeforeTheEnd) {
  create("a", R"({"containers":[{"name":"web","image":"web:1","lifecycle":{
      "postStart":{"exec":{"command":["hello"]}},"preStop":{"sleep":{"seconds":4}}}}]})");
  ASSERT_TRUE(gets_ready("a"));
  EXPECT_EQ(runtime_.execs(), std::vector<std::string>{"hello web"});
  mark_deleted("a", 10);
  world_.run_for(seconds(3));
  EXPECT_EQ(runtime_.running(), 1u);
  ASSERT_TRUE(goes("a"));
  EXPECT_EQ(runtime_.done().at(3), "stop web 6");
}

TEST_F(KubeletLifeTest, APreStopHookThatHangsIsCut) {
  runtime_.hang_exec(true);
  create("a", R"({"containers":[{"name":"web","image":"web:1","lifecycle":{
      "preStop":{"exec":{"command":["bye"]}}}}]})");
  ASSERT_TRUE(gets_ready("a"));
  mark_deleted("a", 7);
  world_.run_for(seconds(6));
  EXPECT_EQ(runtime_.running(), 1u);
  ASSERT_TRUE(goes("a"));
  EXPECT_EQ(runtime_.done().at(3), "stop web 2");
  EXPECT_TRUE(told("FailedPreStopHook"));
}

TEST_F(KubeletLifeTest, ForceOvertakesAHook) {
  create("a", R"({"containers":[{"name":"web","image":"web:1","lifecycle":{
      "preStop":{"sleep":{"seconds":20}}}}]})");
  ASSERT_TRUE(gets_ready("a"));
  mark_deleted("a", 30);
  world_.run_for(seconds(2));
  mark_deleted("a", 0);
  ASSERT_TRUE(goes("a"));
  EXPECT_EQ(runtime_.done().at(3), "stop web 0");
  size_t before = runtime_.done().size();
  world_.run_for(seconds(60));
  EXPECT_EQ(runtime_.done().size(), before);
}

TEST_F(KubeletLifeTest, APostStartHookThatFailsEndsTheContainer) {
  runtime_.answer_exec("hello", {"", "no", 1});
  create("a", R"({"restartPolicy":"Never","containers":[{"name":"web","image":"web:1","lifecycle":{
      "postStart":{"exec":{"command":["hello"]}}}}]})");
  EXPECT_TRUE(becomes("a", "Failed"));
  EXPECT_TRUE(told("FailedPostStartHook"));
}

TEST_F(KubeletLifeTest, SidecarsStartInOrderAndEndLast) {
  create("a", R"({"restartPolicy":"Never","terminationGracePeriodSeconds":9,
      "initContainers":[{"name":"one","image":"web:1","restartPolicy":"Always"},
                        {"name":"two","image":"web:1","restartPolicy":"Always"}],
      "containers":[{"name":"web","image":"web:1"}]})");
  ASSERT_TRUE(gets_ready("a"));
  EXPECT_EQ(runtime_.done(),
            (std::vector<std::string>{"run sandbox a 0", "create one 0", "start one",
                                      "create two 0", "start two", "create web 0", "start web"}));
  size_t before = runtime_.done().size();
  runtime_.end("web", 0);
  ASSERT_TRUE(becomes("a", "Succeeded"));
  auto then = done_since(before);
  ASSERT_GE(then.size(), 2u);
  EXPECT_EQ(then[0], "stop two 9");
  EXPECT_EQ(then[1], "stop one 9");
  EXPECT_EQ(runtime_.running(), 0u);
}

TEST_F(KubeletLifeTest, ASidecarThatCrashesComesBackAndLeavesTheOthersAlone) {
  create("a", R"({"initContainers":[{"name":"one","image":"web:1","restartPolicy":"Always"}],
      "containers":[{"name":"web","image":"web:1"}]})");
  ASSERT_TRUE(gets_ready("a"));
  runtime_.end("one", 1);
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 2; }, seconds(10)));
  runtime_.end("one", 1);
  world_.run_for(seconds(3));
  EXPECT_TRUE(phase_is("a", "Running"));
  EXPECT_FALSE(ready("a"));
  runtime_.end("web", 1);
  EXPECT_TRUE(world_.run_until([&] { return restarts("a") == 1; }, seconds(5)));
}

TEST_F(KubeletLifeTest, DeletionEndsSidecarsWithWhatIsLeftOfTheGrace) {
  create("a", R"({"initContainers":[{"name":"one","image":"web:1","restartPolicy":"Always"}],
      "containers":[{"name":"web","image":"web:1","lifecycle":{"preStop":{"sleep":{"seconds":5}}}}]})");
  ASSERT_TRUE(gets_ready("a"));
  size_t before = runtime_.done().size();
  mark_deleted("a", 20);
  ASSERT_TRUE(goes("a"));
  auto then = done_since(before);
  EXPECT_EQ(then.at(0), "stop web 15");
  EXPECT_EQ(then.at(1), "stop one 15");
}

TEST_F(KubeletLifeTest, EventsTellAStart) {
  create("a", kWeb);
  ASSERT_TRUE(gets_ready("a"));
  for (const char* reason : {"Pulled", "Created", "Started"}) EXPECT_TRUE(told(reason)) << reason;
  runtime_.end("web", 1);
  world_.run_for(seconds(3));
  runtime_.end("web", 1);
  EXPECT_TRUE(told("BackOff"));
}

TEST_F(KubeletLifeTest, EventsTellThatTheNodeIsReady) {
  EXPECT_TRUE(told("NodeReady"));
}

// ---- alone ----

TEST_F(KubeletLifeTest, AloneItAdoptsAndRestartsWhatItKnows) {
  store_.put(kind("configmaps"), "default",
             json::parse(R"({"metadata":{"name":"settings"},"data":{"x":"1"}})"));
  store_.put(kind("secrets"), "default",
             json::parse(R"({"metadata":{"name":"key"},"data":{"k":"djE="}})"));
  create("a", R"({"containers":[{"name":"web","image":"web:1","envFrom":[
      {"configMapRef":{"name":"settings"}},{"secretRef":{"name":"key"}}]}]})");
  ASSERT_TRUE(gets_ready("a"));
  auto environment = runtime_.configs().at("web").environment;
  world_.run_for(seconds(1));
  kubelet_.reset();
  host_.set_connected(false);
  size_t before = runtime_.done().size();
  start();
  world_.run_for(seconds(30));
  EXPECT_EQ(runtime_.done().size(), before) << "what runs is left alone";
  runtime_.end("web", 3);
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(5)));
  EXPECT_EQ(runtime_.configs().at("web").environment, environment);
  world_.run_for(seconds(60));
  host_.set_connected(true);
  ASSERT_TRUE(world_.run_until([&] { return restarts("a") == 1; }, seconds(60)));
  EXPECT_EQ(container("a").at("lastState").at("terminated").at("exitCode").to_number<int>(), 3);
  world_.run_for(seconds(30));
  EXPECT_EQ(done_since(before), (std::vector<std::string>{"create web 1", "start web"}));
  EXPECT_TRUE(ready("a"));
}

TEST_F(KubeletLifeTest, WithoutTheStoreItGoesOnToo) {
  store_.put(kind("configmaps"), "default",
             json::parse(R"({"metadata":{"name":"settings"},"data":{"x":"1"}})"));
  create("a", R"({"containers":[{"name":"web","image":"web:1","envFrom":[
      {"configMapRef":{"name":"settings"}}]}]})");
  ASSERT_TRUE(gets_ready("a"));
  world_.run_for(seconds(1));
  kubelet_.reset();
  store_.away(true);
  start();
  world_.run_for(seconds(30));
  runtime_.end("web", 3);
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(60)));
  EXPECT_EQ(runtime_.configs().at("web").attempt, 1u);
  store_.away(false);
  ASSERT_TRUE(world_.run_until([&] { return restarts("a") == 1; }, seconds(120)));
  world_.run_for(seconds(30));
  EXPECT_EQ(runtime_.configs().at("web").attempt, 1u);
}

TEST_F(KubeletLifeTest, WhatChangedMeanwhileIsReadAnew) {
  store_.put(kind("configmaps"), "default",
             json::parse(R"({"metadata":{"name":"settings"},"data":{"x":"1"}})"));
  create("a", R"({"containers":[{"name":"web","image":"web:1","env":[{"name":"X","valueFrom":
      {"configMapKeyRef":{"name":"settings","key":"x"}}}]}]})");
  ASSERT_TRUE(gets_ready("a"));
  world_.run_for(seconds(1));
  kubelet_.reset();
  host_.set_connected(false);
  start();
  runtime_.end("web", 1);
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(10)));
  store_.put(kind("configmaps"), "default",
             json::parse(R"({"metadata":{"name":"settings"},"data":{"x":"2"}})"));
  host_.set_connected(true);
  ASSERT_TRUE(world_.run_until([&] { return restarts("a") == 1; }, seconds(60)));
  runtime_.end("web", 1);
  ASSERT_TRUE(world_.run_until([&] { return restarts("a") == 2; }, seconds(30)));
  EXPECT_EQ(runtime_.configs().at("web").environment.at(0).second, "2");
}

TEST_F(KubeletLifeTest, AloneItProbes) {
  create("a", kLives);
  ASSERT_TRUE(gets_ready("a"));
  world_.run_for(seconds(1));
  kubelet_.reset();
  host_.set_connected(false);
  start();
  world_.run_for(seconds(5));
  runtime_.answer_exec("alive", {"", "dead", 1});
  ASSERT_TRUE(
      world_.run_until([&] { return runtime_.configs().at("web").attempt == 1; }, seconds(20)));
}

TEST_F(KubeletLifeTest, AloneItNeitherStartsNorEndsWhatItDoesNotKnow) {
  create("a", kWeb);
  ASSERT_TRUE(gets_ready("a"));
  world_.run_for(seconds(1));
  kubelet_.reset();
  std::filesystem::remove_all(dir_ + "/known");
  host_.set_connected(false);
  create("b", kWeb);
  size_t before = runtime_.done().size();
  start();
  world_.run_for(seconds(30));
  runtime_.end("web", 1);
  world_.run_for(seconds(30));
  EXPECT_EQ(runtime_.done().size(), before);
  host_.set_connected(true);
  EXPECT_TRUE(world_.run_until([&] { return runtime_.running() == 2; }, seconds(60)));
}

TEST_F(KubeletLifeTest, WhatWentWhileItWasAloneGoesWhenTheListIsComplete) {
  create("a", kWeb);
  create("b", kWeb);
  ASSERT_TRUE(gets_ready("a"));
  ASSERT_TRUE(gets_ready("b"));
  world_.run_for(seconds(1));
  kubelet_.reset();
  host_.set_connected(false);
  start();
  store_.erase(pod("b"));
  world_.run_for(seconds(20));
  EXPECT_EQ(runtime_.running(), 2u);
  size_t before = runtime_.done().size();
  host_.set_connected(true);
  ASSERT_TRUE(world_.run_until([&] { return runtime_.running() == 1; }, seconds(60)));
  world_.run_for(seconds(20));
  EXPECT_EQ(done_since(before),
            (std::vector<std::string>{"stop web 30", "stop sandbox b", "remove sandbox b"}));
  kubelet_.reset();
  host_.set_connected(false);
  start();
  world_.run_for(seconds(20));
  EXPECT_EQ(runtime_.running(), 1u) << "and is not remembered";
}

TEST_F(KubeletLifeTest, AnOldMemoryIsNotActedOnWhileTheStoreAnswers) {
  create("a", kWeb);
  ASSERT_TRUE(gets_ready("a"));
  world_.run_for(seconds(1));
  kubelet_.reset();
  runtime_.end("web", 1);
  store_.erase(pod("a"));
  size_t before = runtime_.done().size();
  start();
  world_.run_for(seconds(20));
  for (const std::string& operation : done_since(before))
    EXPECT_EQ(operation.find("create"), std::string::npos) << operation;
}

}  // namespace
}  // namespace kubus::kubelet
