#include "agents/kubelet/pods/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubus::kubelet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 100'000 * kSecond;

DesiredContainer container(const std::string& name, bool init = false, bool sidecar = false) {
  DesiredContainer c;
  c.name = name;
  c.image = "image";
  c.init = init;
  c.sidecar = sidecar;
  return c;
}

DesiredPod pod_of(std::vector<DesiredContainer> containers, const std::string& policy = "Always") {
  DesiredPod pod;
  pod.ns = "default";
  pod.name = "web";
  pod.uid = "u";
  pod.restart_policy = policy;
  pod.containers = std::move(containers);
  return pod;
}

SandboxStatus sandbox(const std::string& id, uint32_t attempt = 0, bool ready = true) {
  SandboxStatus s;
  s.id = id;
  s.attempt = attempt;
  s.ready = ready;
  s.created_at = kNow - 1000 * kSecond + attempt;
  return s;
}

ContainerStatus run_of(const std::string& name, const std::string& id, const std::string& in,
                       ContainerState state, uint32_t attempt = 0) {
  ContainerStatus c;
  c.id = id;
  c.name = name;
  c.sandbox_id = in;
  c.state = state;
  c.attempt = attempt;
  c.created_at = kNow - 900 * kSecond + attempt;
  c.started_at = c.created_at;
  return c;
}

ContainerStatus running(const std::string& name, const std::string& id, const std::string& in) {
  return run_of(name, id, in, ContainerState::kRunning);
}

// Ended `ago` seconds ago after a second's run, as the one after `streak` short runs.
ContainerStatus exited(const std::string& name, const std::string& id, const std::string& in,
                       int code, int ago = 0, int streak = 0, uint32_t attempt = 0) {
  ContainerStatus c = run_of(name, id, in, ContainerState::kExited, attempt);
  c.exit_code = code;
  c.finished_at = kNow - ago * kSecond;
  c.started_at = c.finished_at - kSecond;
  if (streak > 0) c.annotations[kStreak] = std::to_string(streak);
  return c;
}

// Everything that a start needs is at hand.
PodMemory prepared(const std::vector<std::string>& names) {
  PodMemory m;
  for (const std::string& n : names) {
    m.containers[n].image_id = "sha256:1";
    m.containers[n].resolved = true;
  }
  return m;
}

ObservedPod seen(std::vector<SandboxStatus> sandboxes, std::vector<ContainerStatus> containers) {
  ObservedPod o{std::move(sandboxes), std::move(containers)};
  o.sort();
  return o;
}

Plan plan_of(const DesiredPod& pod, const ObservedPod& observed, const PodMemory& memory = {}) {
  return plan(&pod, pod.grace_seconds, observed, memory, kNow);
}

std::vector<std::string> actions(const Plan& plan) {
  std::vector<std::string> out;
  for (const Action& a : plan.actions) out.push_back(to_string(a));
  return out;
}

TEST(Plan, FromNothingToRunningInFiveSteps) {
  DesiredPod pod = pod_of({container("c")});
  EXPECT_THAT(actions(plan_of(pod, {})), ElementsAre("run sandbox attempt=0", "ensure image c"));
  ObservedPod observed = seen({sandbox("s")}, {});
  PodMemory memory;
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("ensure image c"));
  memory.containers["c"].image_id = "sha256:1";
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("resolve c"));
  memory.containers["c"].resolved = true;
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("create c s attempt=0"));
  observed = seen({sandbox("s")}, {run_of("c", "1", "s", ContainerState::kCreated)});
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("start c 1"));
  observed = seen({sandbox("s")}, {running("c", "1", "s")});
  Plan done = plan_of(pod, observed, memory);
  EXPECT_THAT(actions(done), IsEmpty());
  EXPECT_FALSE(done.again_at);
  EXPECT_FALSE(done.gone);
}

TEST(Plan, WhatIsUnderWayIsNotStartedAgain) {
  DesiredPod pod = pod_of({container("c")});
  PodMemory memory;
  memory = prepared({"c"});
  memory.sandbox_busy = true;
  EXPECT_THAT(actions(plan_of(pod, {}, memory)), IsEmpty());
  memory = prepared({"c"});
  memory.containers["c"].busy = true;
  EXPECT_THAT(actions(plan_of(pod, seen({sandbox("s")}, {}), memory)), IsEmpty());
}

TEST(Plan, InitContainersRunOneAfterAnother) {
  DesiredPod pod = pod_of({container("a", true), container("b", true), container("c")});
  PodMemory memory = prepared({"a", "b", "c"});
  auto step = [&](std::vector<ContainerStatus> containers) {
    return actions(plan_of(pod, seen({sandbox("s")}, std::move(containers)), memory));
  };
  EXPECT_THAT(step({}), ElementsAre("create a s attempt=0"));
  EXPECT_THAT(step({running("a", "1", "s")}), IsEmpty());
  EXPECT_THAT(step({exited("a", "1", "s", 0)}), ElementsAre("create b s attempt=0"));
  EXPECT_THAT(step({exited("a", "1", "s", 1)}), ElementsAre("create a s attempt=1"));
  EXPECT_THAT(step({exited("a", "1", "s", 0), exited("b", "2", "s", 0)}),
              ElementsAre("create c s attempt=0"));
}

TEST(Plan, WhatItNeedsIsFetchedWhileTheSandboxIsMade) {
  DesiredPod pod = pod_of({container("c"), container("d")});
  PodMemory memory;
  memory.sandbox_busy = true;
  EXPECT_THAT(actions(plan_of(pod, {}, memory)), ElementsAre("ensure image c", "ensure image d"));
  memory.containers["c"].image_id = "sha256:1";
  memory.containers["d"].busy = true;
  EXPECT_THAT(actions(plan_of(pod, {}, memory)), ElementsAre("resolve c"));
  pod = pod_of({container("a", true), container("c")});
  EXPECT_THAT(actions(plan_of(pod, {}, {})),
              ElementsAre("run sandbox attempt=0", "ensure image a"));
}

TEST(Plan, ASidecarIsPassedOnceItHasStarted) {
  DesiredPod pod = pod_of({container("a", true, true), container("c")});
  PodMemory memory = prepared({"a", "c"});
  ObservedPod observed = seen({sandbox("s")}, {running("a", "1", "s")});
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), IsEmpty());
  memory.containers["a"].run = {.id = "0", .started = true};
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), IsEmpty()) << "another run has";
  memory.containers["a"].run = {.id = "1", .started = true};
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("create c s attempt=0"));
}

TEST(Plan, ASidecarThatStartsAgainKeepsNobodyWaiting) {
  DesiredPod pod = pod_of({container("a", true, true), container("b", true), container("c")});
  ObservedPod observed = seen({sandbox("s")}, {exited("a", "1", "s", 1, 0, 5),
                                               exited("b", "2", "s", 0), exited("c", "3", "s", 1)});
  EXPECT_THAT(actions(plan_of(pod, observed, prepared({"a", "b", "c"}))),
              ElementsAre("create c s attempt=1"));
}

TEST(Plan, SidecarsEndLastInReverseOrder) {
  DesiredPod pod =
      pod_of({container("a", true, true), container("b", true, true), container("c")}, "Never");
  auto step = [&](std::vector<ContainerStatus> containers) {
    return actions(plan_of(pod, seen({sandbox("s")}, std::move(containers))));
  };
  ContainerStatus a = running("a", "1", "s"), b = running("b", "2", "s");
  ContainerStatus c = running("c", "3", "s"), c_over = exited("c", "3", "s", 0);
  EXPECT_THAT(step({a, b, c}), IsEmpty());
  EXPECT_THAT(step({a, b, c_over}), ElementsAre("stop b 2 grace=30"));
  EXPECT_THAT(step({a, exited("b", "2", "s", 0), c_over}), ElementsAre("stop a 1 grace=30"));
  EXPECT_THAT(step({exited("a", "1", "s", 0), exited("b", "2", "s", 0), c_over}), IsEmpty());
  pod.terminating = true;
  EXPECT_THAT(step({a, b, c}), ElementsAre("stop c 3 grace=30"));
  EXPECT_THAT(step({a, b, c_over}), ElementsAre("stop b 2 grace=30"));
}

TEST(Plan, TheGraceCountsFromTheBeginningOfTheEnd) {
  DesiredPod pod = pod_of({container("a", true, true), container("c")});
  pod.terminating = true;
  ObservedPod observed = seen({sandbox("s")}, {running("a", "1", "s"), exited("c", "3", "s", 0)});
  PodMemory memory;
  memory.ending_since = kNow - 12 * kSecond;
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("stop a 1 grace=18"));
  memory.ending_since = kNow - 500 * kSecond;
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("stop a 1 grace=2"));
  pod.grace_seconds = 0;
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("stop a 1 grace=0"));
}

TEST(Plan, WhatProbesCondemnIsStopped) {
  DesiredPod pod = pod_of({container("c")});
  ObservedPod observed = seen({sandbox("s")}, {running("c", "1", "s")});
  PodMemory memory;
  memory.containers["c"].run = {.id = "1", .kill_why = "it hangs"};
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("stop c 1 grace=30"));
  memory.containers["c"].run.kill_grace = 3;
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("stop c 1 grace=3"));
  memory.containers["c"].run.id = "0";
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), IsEmpty()) << "that was another run";
}

TEST(Plan, APostStartHookKeepsThoseAfterItWaiting) {
  DesiredPod pod = pod_of({container("a"), container("c")});
  pod.containers[0].post_start = true;
  PodMemory memory = prepared({"a", "c"});
  EXPECT_THAT(actions(plan_of(pod, seen({sandbox("s")}, {}), memory)),
              ElementsAre("create a s attempt=0"));
  ObservedPod observed = seen({sandbox("s")}, {running("a", "1", "s")});
  memory.containers["a"].run = {.id = "1", .hooked = false};
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), IsEmpty());
  memory.containers["a"].run.hooked = true;
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("create c s attempt=0"));
}

TEST(Plan, RestartsFollowThePolicy) {
  struct Case {
    const char* policy;
    int code;
    bool again;
  };
  for (const Case& c :
       {Case{"Always", 0, true}, Case{"Always", 1, true}, Case{"OnFailure", 0, false},
        Case{"OnFailure", 1, true}, Case{"Never", 0, false}, Case{"Never", 1, false}}) {
    DesiredPod pod = pod_of({container("c")}, c.policy);
    Plan p = plan_of(pod, seen({sandbox("s")}, {exited("c", "1", "s", c.code)}), prepared({"c"}));
    if (c.again) {
      EXPECT_THAT(actions(p), ElementsAre("create c s attempt=1")) << c.policy << c.code;
    } else {
      EXPECT_THAT(actions(p), IsEmpty()) << c.policy << c.code;
    }
  }
}

TEST(Plan, AContainersOwnPolicyComesFirst) {
  DesiredPod pod = pod_of({container("c"), container("d")}, "Never");
  pod.containers[0].restart_policy = "OnFailure";
  ObservedPod observed = seen({sandbox("s")}, {exited("c", "1", "s", 1), exited("d", "2", "s", 1)});
  EXPECT_THAT(actions(plan_of(pod, observed, prepared({"c", "d"}))),
              ElementsAre("create c s attempt=1"));
}

TEST(Plan, RestartsSlowDown) {
  DesiredPod pod = pod_of({container("c")});
  struct Case {
    int streak, seconds;
  };
  for (const Case& c : {Case{0, 0}, Case{1, 10}, Case{2, 20}, Case{3, 40}, Case{5, 160},
                        Case{6, 300}, Case{900, 300}}) {
    ObservedPod observed = seen({sandbox("s")}, {exited("c", "1", "s", 1, 0, c.streak)});
    Plan p = plan_of(pod, observed, prepared({"c"}));
    if (c.seconds == 0) {
      EXPECT_EQ(p.actions.size(), 1u);
      continue;
    }
    EXPECT_THAT(actions(p), IsEmpty()) << c.streak;
    EXPECT_EQ(p.again_at, kNow + c.seconds * kSecond) << c.streak;
    observed.containers[0].finished_at -= c.seconds * kSecond;
    observed.containers[0].started_at -= c.seconds * kSecond;
    EXPECT_EQ(plan_of(pod, observed, prepared({"c"})).actions.size(), 1u) << c.streak;
  }
}

TEST(Plan, ALongRunIsForgiven) {
  DesiredPod pod = pod_of({container("c")});
  ContainerStatus c = exited("c", "1", "s", 1, 0, 9);
  c.started_at = c.finished_at - 600 * kSecond;
  EXPECT_THAT(actions(plan_of(pod, seen({sandbox("s")}, {c}), prepared({"c"}))),
              ElementsAre("create c s attempt=1"));
}

TEST(Plan, WhatCannotStartWaits) {
  DesiredPod pod = pod_of({container("c"), container("d")});
  PodMemory memory = prepared({"d"});
  memory.containers["c"].retry_at = kNow + 10 * kSecond;
  Plan p = plan_of(pod, seen({sandbox("s")}, {}), memory);
  EXPECT_THAT(actions(p), ElementsAre("create d s attempt=0"));
  EXPECT_EQ(p.again_at, kNow + 10 * kSecond);
  PodMemory broken = prepared({"c", "d"});
  broken.sandbox_retry_at = kNow + kSecond;
  p = plan_of(pod, {}, broken);
  EXPECT_THAT(actions(p), IsEmpty());
  EXPECT_EQ(p.again_at, kNow + kSecond);
}

TEST(Plan, ABrokenSandboxIsReplacedAfterWhatRanInIt) {
  DesiredPod pod = pod_of({container("c")});
  SandboxStatus broken = sandbox("s", 0, false);
  EXPECT_THAT(actions(plan_of(pod, seen({broken}, {running("c", "1", "s")}))),
              ElementsAre("stop c 1 grace=30"));
  ObservedPod ended = seen({broken}, {exited("c", "1", "s", 137)});
  EXPECT_THAT(actions(plan_of(pod, ended)), ElementsAre("stop sandbox s"));
  PodMemory memory;
  memory.stopped.insert("s");
  EXPECT_THAT(actions(plan_of(pod, ended, memory)), ElementsAre("run sandbox attempt=1"));
}

TEST(Plan, ANewSandboxNeedsItsInitContainersAgain) {
  DesiredPod pod = pod_of({container("a", true), container("c")});
  ObservedPod observed = seen({sandbox("s", 0, false), sandbox("t", 1)},
                              {exited("a", "1", "s", 0), exited("c", "2", "s", 137)});
  EXPECT_THAT(actions(plan_of(pod, observed, prepared({"a", "c"}))),
              ElementsAre("create a t attempt=1"));
}

TEST(Plan, APodThatIsDoneGetsNoNewSandbox) {
  DesiredPod pod = pod_of({container("c")}, "Never");
  Plan p = plan_of(pod, seen({sandbox("s", 0, false)}, {exited("c", "1", "s", 0)}));
  EXPECT_THAT(actions(p), IsEmpty());
}

TEST(Plan, DeletionStopsThenFreesThenRemoves) {
  DesiredPod pod = pod_of({container("c"), container("d")});
  pod.terminating = true;
  pod.grace_seconds = 7;
  EXPECT_THAT(
      actions(plan_of(pod, seen({sandbox("s")}, {running("c", "1", "s"), running("d", "2", "s")}))),
      UnorderedElementsAre("stop c 1 grace=7", "stop d 2 grace=7"));
  ObservedPod ended = seen({sandbox("s")}, {exited("c", "1", "s", 0), exited("d", "2", "s", 0)});
  EXPECT_THAT(actions(plan_of(pod, ended)), ElementsAre("stop sandbox s"));
  PodMemory memory;
  memory.stopped.insert("s");
  ended.sandboxes[0].ready = false;
  Plan p = plan_of(pod, ended, memory);
  EXPECT_THAT(actions(p), ElementsAre("remove sandbox s"));
  EXPECT_FALSE(p.gone);
  p = plan_of(pod, {}, memory);
  EXPECT_THAT(actions(p), IsEmpty());
  EXPECT_TRUE(p.gone);
}

TEST(Plan, AShorterGraceOvertakesAStopUnderWay) {
  DesiredPod pod = pod_of({container("c")});
  pod.terminating = true;
  PodMemory memory;
  memory.containers["c"].busy = true;
  memory.containers["c"].stopping = 30;
  ObservedPod observed = seen({sandbox("s")}, {running("c", "1", "s")});
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), IsEmpty());
  pod.grace_seconds = 0;
  EXPECT_THAT(actions(plan_of(pod, observed, memory)), ElementsAre("stop c 1 grace=0"));
}

TEST(Plan, WhatNobodyKnowsGoes) {
  ObservedPod observed = seen({sandbox("s")}, {running("c", "1", "s")});
  EXPECT_THAT(actions(plan(nullptr, 2, observed, {}, kNow)), ElementsAre("stop c 1 grace=2"));
  EXPECT_TRUE(plan(nullptr, 2, {}, {}, kNow).gone);
  PodMemory memory;
  memory.sandbox_busy = true;
  EXPECT_FALSE(plan(nullptr, 2, {}, memory, kNow).gone);
}

TEST(Plan, AFinishedPodKeepsItsContainersAndFreesItsNetwork) {
  DesiredPod pod = pod_of({container("c")}, "Never");
  pod.finished = true;
  EXPECT_THAT(actions(plan_of(pod, seen({sandbox("s")}, {exited("c", "1", "s", 0)}))),
              ElementsAre("stop sandbox s"));
  Plan p = plan_of(pod, seen({sandbox("s", 0, false)}, {exited("c", "1", "s", 0)}));
  EXPECT_THAT(actions(p), IsEmpty());
  EXPECT_FALSE(p.gone);
}

TEST(Plan, ADeadlineEndsIt) {
  DesiredPod pod = pod_of({container("c")});
  pod.started_at = kNow - 10 * kSecond;
  pod.deadline_seconds = 60;
  ObservedPod observed = seen({sandbox("s")}, {running("c", "1", "s")});
  Plan p = plan_of(pod, observed);
  EXPECT_THAT(actions(p), IsEmpty());
  EXPECT_EQ(p.again_at, pod.started_at + 60 * kSecond);
  pod.deadline_seconds = 10;
  EXPECT_THAT(actions(plan_of(pod, observed)), ElementsAre("stop c 1 grace=30"));
}

TEST(Plan, OldRunsAreCollected) {
  DesiredPod pod = pod_of({container("c")});
  ContainerStatus now = running("c", "4", "s");
  now.created_at = kNow;
  ObservedPod observed =
      seen({sandbox("s", 1), sandbox("old", 0, false)},
           {exited("c", "1", "old", 1, 30, 0, 0), exited("c", "2", "s", 1, 20, 1, 1),
            exited("c", "3", "s", 1, 10, 2, 2), now});
  EXPECT_THAT(actions(plan_of(pod, observed)),
              UnorderedElementsAre("remove c 2", "remove sandbox old"));
}

// Whether a container is busy is kept by its name: the end of one action must not hide another.
TEST(Plan, OneActionOfAContainerAtATime) {
  DesiredPod pod = pod_of({container("c")});
  ContainerStatus made = run_of("c", "4", "s", ContainerState::kCreated, 3);
  ObservedPod observed =
      seen({sandbox("s")}, {exited("c", "1", "s", 1, 30, 0, 0), exited("c", "2", "s", 1, 20, 1, 1),
                            exited("c", "3", "s", 1, 10, 2, 2), made});
  EXPECT_THAT(actions(plan_of(pod, observed)), ElementsAre("start c 4"));
}

}  // namespace
}  // namespace kubus::kubelet
