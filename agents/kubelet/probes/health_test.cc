#include "agents/kubelet/probes/health.h"

#include <gtest/gtest.h>

namespace kubus::kubelet {
namespace {

using Kinds = std::vector<ProbeKind>;

constexpr int64_t kSecond = 1'000'000'000;
constexpr auto kStartup = ProbeKind::kStartup, kLiveness = ProbeKind::kLiveness,
               kReadiness = ProbeKind::kReadiness;

Probe probe(int64_t delay = 0, int64_t period = 10, int good = 1, int bad = 3) {
  Probe out;
  out.initial_delay = delay;
  out.period = period;
  out.success_threshold = good;
  out.failure_threshold = bad;
  return out;
}

Health fresh(Probes probes) {
  return Health(std::move(probes), 0, 0, {});
}

bool tell(Health& h, ProbeKind kind, bool good, int64_t now = 0) {
  h.begin(kind, now);
  return h.answer(kind, good);
}

TEST(Health, WithoutProbesItIsReadyAtOnce) {
  Health h = fresh({});
  EXPECT_TRUE(h.started());
  EXPECT_TRUE(h.ready());
  EXPECT_FALSE(h.next_due());
}

TEST(Health, IsNotReadyBeforeAGoodAnswer) {
  Health h = fresh({.readiness = probe()});
  EXPECT_FALSE(h.ready());
  EXPECT_FALSE(tell(h, kReadiness, false));
  EXPECT_FALSE(h.ready());
  EXPECT_TRUE(tell(h, kReadiness, true));
  EXPECT_TRUE(h.ready());
}

TEST(Health, AnswersCountInARowOnly) {
  Health h = fresh({.readiness = probe(0, 10, 2, 3)});
  EXPECT_FALSE(tell(h, kReadiness, true));
  EXPECT_FALSE(tell(h, kReadiness, false));
  EXPECT_FALSE(tell(h, kReadiness, true));
  EXPECT_TRUE(tell(h, kReadiness, true));
  EXPECT_FALSE(tell(h, kReadiness, false));
  EXPECT_FALSE(tell(h, kReadiness, false));
  EXPECT_FALSE(tell(h, kReadiness, true));
  EXPECT_TRUE(h.ready());
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(tell(h, kReadiness, false));
  EXPECT_TRUE(tell(h, kReadiness, false));
  EXPECT_FALSE(h.ready());
}

TEST(Health, TheDelayCountsFromTheStartAndThePeriodFromTheTry) {
  Health h(Probes{.readiness = probe(10, 5)}, 100 * kSecond, 4 * kSecond, {});
  EXPECT_EQ(h.next_due(), 106 * kSecond);
  EXPECT_EQ(h.due(105 * kSecond), Kinds{});
  EXPECT_EQ(h.due(107 * kSecond), Kinds{kReadiness});
  h.begin(kReadiness, 107 * kSecond);
  EXPECT_FALSE(h.next_due());
  EXPECT_EQ(h.due(200 * kSecond), Kinds{});
  h.answer(kReadiness, true);
  EXPECT_EQ(h.next_due(), 112 * kSecond);
}

Probe connection(int bad) {
  Probe out = probe(0, 1, 1, bad);
  out.check.kind = Check::Kind::kTcp;
  return out;
}

TEST(Health, EarlyTriesBridgeTheTimeToTheNext) {
  constexpr int64_t kTenth = kSecond / 10;
  Health h = fresh({.startup = connection(2), .liveness = connection(1)});
  std::vector<int64_t> tries;
  int64_t now = 0;
  for (int i = 0; i < 6; ++i, now = *h.next_due()) {
    tries.push_back(now / kTenth);
    EXPECT_EQ(h.due(now), Kinds{kStartup});
    h.begin(kStartup, now);
    EXPECT_EQ(h.is_early(kStartup), now < kSecond);
    EXPECT_EQ(h.answer(kStartup, false), i == 5) << "early failures do not count";
    if (h.kill()) break;
  }
  EXPECT_EQ(tries, (std::vector<int64_t>{0, 1, 3, 7, 10, 20}));
  EXPECT_TRUE(h.kill());
}

TEST(Health, AnEarlySuccessCountsAndEndsTheHurry) {
  Health h = fresh({.readiness = connection(1)});
  EXPECT_FALSE(tell(h, kReadiness, false));
  EXPECT_TRUE(tell(h, kReadiness, true, kSecond / 10));
  EXPECT_TRUE(h.ready());
  EXPECT_EQ(h.next_due(), kSecond);
  EXPECT_TRUE(tell(h, kReadiness, false, kSecond));
  EXPECT_EQ(h.next_due(), 2 * kSecond);
}

TEST(Health, NothingElseIsTriedBeforeItHasStarted) {
  Health h = fresh({probe(), probe(), probe()});
  EXPECT_EQ(h.due(0), Kinds{kStartup});
  EXPECT_FALSE(h.started());
  EXPECT_TRUE(tell(h, kStartup, true));
  EXPECT_TRUE(h.started());
  EXPECT_FALSE(h.ready());
  EXPECT_EQ(h.due(0), (Kinds{kLiveness, kReadiness}));
}

TEST(Health, FailuresOfLifeKill) {
  Probe liveness = probe(0, 10, 1, 2);
  liveness.grace = 7;
  Health h = fresh({.liveness = liveness, .readiness = probe()});
  EXPECT_FALSE(tell(h, kLiveness, false));
  EXPECT_FALSE(h.kill());
  EXPECT_TRUE(tell(h, kLiveness, false));
  ASSERT_TRUE(h.kill());
  EXPECT_EQ(h.kill()->probe, kLiveness);
  EXPECT_EQ(h.kill()->grace, 7);
  EXPECT_EQ(h.due(100 * kSecond), Kinds{kReadiness});
}

TEST(Health, AStartThatNeverComesKills) {
  Health h = fresh({.startup = probe(0, 1, 1, 1)});
  EXPECT_TRUE(tell(h, kStartup, false));
  ASSERT_TRUE(h.kill());
  EXPECT_EQ(h.kill()->probe, kStartup);
  EXPECT_FALSE(h.next_due());
}

TEST(Health, WhatWasReadyStaysSoUntilProbesFail) {
  Probes probes{probe(), probe(), probe()};
  Health h(probes, 0, 1000 * kSecond, {.started = true, .ready = true});
  EXPECT_TRUE(h.ready());
  EXPECT_EQ(h.due(0), (Kinds{kLiveness, kReadiness}));
  EXPECT_FALSE(tell(h, kReadiness, false));
  EXPECT_FALSE(tell(h, kReadiness, false));
  EXPECT_TRUE(h.ready());
  EXPECT_TRUE(tell(h, kReadiness, false));
  EXPECT_FALSE(h.ready());
}

TEST(Health, WhatIsEndingIsAskedForReadinessOnly) {
  Health h = fresh({.liveness = probe(0, 1, 1, 1), .readiness = probe()});
  h.begin(kLiveness, 0);
  h.set_ending();
  EXPECT_FALSE(h.answer(kLiveness, false));
  EXPECT_FALSE(h.kill());
  EXPECT_EQ(h.due(100 * kSecond), Kinds{kReadiness});
}

}  // namespace
}  // namespace kubus::kubelet
