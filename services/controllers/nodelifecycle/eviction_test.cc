#include "services/controllers/nodelifecycle/eviction.h"

#include <gtest/gtest.h>

#include "bus/kit/testing/cluster.h"
#include "services/controllers/nodelifecycle/plan.h"

namespace kubus::controllers::nodelifecycle {
namespace {

using std::chrono::seconds;

struct EvictionTest : ::testing::Test {
  Object pod(const std::string& tolerations) {
    c.put("pods", "d",
          R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}],)"
          R"("tolerations":[)" +
              tolerations + "]}}");
    return c.store.find(kit::testing::key("pods", "d", "p"));
  }
  // Seconds that it bears {dedicated=4:NoExecute}; -1: for ever.
  int64_t bears(const std::string& tolerations) {
    auto at = leaves_at(pod(tolerations), {{"dedicated", "4", bus::Instant{}}});
    return at ? at->ns / 1'000'000'000 : -1;
  }
  kit::testing::Cluster c;
};

TEST_F(EvictionTest, Tolerations) {
  EXPECT_EQ(bears(""), 0);
  EXPECT_EQ(bears(R"({"operator":"Exists"})"), -1);
  EXPECT_EQ(bears(R"({"key":"dedicated","operator":"Exists"})"), -1);
  EXPECT_EQ(bears(R"({"key":"dedicated","value":"4"})"), -1);
  EXPECT_EQ(bears(R"({"key":"dedicated","value":"5"})"), 0);
  EXPECT_EQ(bears(R"({"key":"other","operator":"Exists"})"), 0);
  EXPECT_EQ(bears(R"({"key":"dedicated","operator":"Exists","effect":"NoSchedule"})"), 0);
  EXPECT_EQ(
      bears(
          R"({"key":"dedicated","operator":"Exists","effect":"NoExecute","tolerationSeconds":7})"),
      7);
  EXPECT_EQ(
      bears(
          R"({"key":"dedicated","operator":"Exists","effect":"NoExecute","tolerationSeconds":-7})"),
      0);
  EXPECT_EQ(bears(R"({"key":"dedicated","operator":"Gt","value":"3"})"), -1);
  EXPECT_EQ(bears(R"({"key":"dedicated","operator":"Lt","value":"3"})"), 0);
  EXPECT_EQ(bears(R"({"key":"dedicated","operator":"Gt","value":"many"})"), 0);
}

TEST_F(EvictionTest, APatienceBeyondAllTimeDoesNotOverflow) {
  EXPECT_GT(bears(R"({"operator":"Exists","tolerationSeconds":9223372036854775807})"), 300'000'000);
}

TEST_F(EvictionTest, TheTaintThatIsBornTheShortestDecides) {
  Object p = pod(
      R"({"key":"a","operator":"Exists","tolerationSeconds":10},{"key":"b","operator":"Exists"})");
  bus::Instant five{seconds(5).count() * 1'000'000'000};
  EXPECT_EQ(leaves_at(p, {{"a", "", five}, {"b", "", {}}}), five + seconds(10));
  EXPECT_EQ(leaves_at(p, {{"b", "", five}}), std::nullopt);
  EXPECT_EQ(leaves_at(p, {{"a", "", five}, {"c", "", five}}), five);
  EXPECT_EQ(leaves_at(p, {}), std::nullopt);
}

TEST_F(EvictionTest, AgesAreTakenFromTheFirstSight) {
  auto node = [&](const std::string& taints) {
    c.put("nodes", "", R"({"metadata":{"name":"n"},"spec":{"taints":[)" + taints + "]}}");
    return c.store.find(kit::testing::key("nodes", "", "n"));
  };
  const std::string taint =
      R"({"key":"a","effect":"NoExecute","timeAdded":"2026-01-01T00:00:00Z"})";
  constexpr int64_t kAdded = 1767225600;
  bus::Instant now{1'000'000'000'000};
  TaintAges ages;
  ages.look(node(taint), now, kAdded + 100);
  ASSERT_EQ(ages.of("n").size(), 1u);
  EXPECT_EQ(ages.of("n")[0].since, now + -seconds(100));
  // The wall clock has jumped a year ahead since.
  ages.look(node(taint), now + seconds(1), kAdded + 31'000'000);
  EXPECT_EQ(ages.of("n")[0].since, now + -seconds(100));
  // From the future: new.
  ages.look(node(R"({"key":"a","effect":"NoExecute","timeAdded":"2027-01-01T00:00:00Z"})"), now,
            kAdded);
  EXPECT_EQ(ages.of("n")[0].since, now);
  ages.look(node(R"({"key":"a","effect":"NoSchedule"})"), now, kAdded);
  EXPECT_TRUE(ages.of("n").empty());
}

TEST(Vigil, SilenceCountsFromWhenItListens) {
  Vigil v(seconds(40));
  auto at = [](int64_t s) { return bus::Instant{s * 1'000'000'000}; };
  v.put("n", "z", true, at(0));
  EXPECT_EQ(v.presence("n", at(1000)), Presence::kUnknown) << "nobody listens";
  v.begin(at(1000));
  EXPECT_EQ(v.presence("n", at(1039)), Presence::kUnknown);
  EXPECT_EQ(v.until_silent("n", at(1039)), seconds(1));
  EXPECT_EQ(v.presence("n", at(1040)), Presence::kSilent);
  v.heard("n", at(1041));
  EXPECT_EQ(v.presence("n", at(1042)), Presence::kHeard);
  v.end();
  EXPECT_EQ(v.presence("n", at(9000)), Presence::kUnknown);
  v.begin(at(9000));
  EXPECT_EQ(v.presence("n", at(9001)), Presence::kUnknown) << "what was heard before says nothing";
  v.heard("stranger", at(9001));
  EXPECT_EQ(v.presence("stranger", at(9999)), Presence::kUnknown);
}

Pace pace_of(size_t nodes, size_t bad, size_t other_zone) {
  Vigil v(seconds(40));
  v.begin({});
  for (size_t i = 0; i < nodes; ++i) v.put("n" + std::to_string(i), "z", i >= bad, {});
  for (size_t i = 0; i < other_zone; ++i) v.put("o" + std::to_string(i), "other", true, {});
  return v.pace("n0", {});
}

TEST(Vigil, HowFastNodesAreEmptied) {
  EXPECT_EQ(pace_of(10, 1, 0), Pace::kNormal);
  EXPECT_EQ(pace_of(10, 5, 0), Pace::kNormal);
  EXPECT_EQ(pace_of(10, 6, 0), Pace::kNone);
  EXPECT_EQ(pace_of(100, 60, 0), Pace::kSlow);
  EXPECT_EQ(pace_of(3, 2, 0), Pace::kNormal) << "a few are no pattern";
  EXPECT_EQ(pace_of(10, 10, 0), Pace::kWithdraw);
  EXPECT_EQ(pace_of(1, 1, 0), Pace::kWithdraw);
  EXPECT_EQ(pace_of(10, 10, 1), Pace::kNormal) << "a lost zone, and another that is well";
}

TEST(Permits, OneInAnIntervalForEachZone) {
  Permits p;
  bus::Instant now;
  EXPECT_EQ(p.take("a", Pace::kNormal, now), std::nullopt);
  EXPECT_EQ(p.take("a", Pace::kNormal, now + seconds(4)), seconds(6));
  EXPECT_EQ(p.take("b", Pace::kNormal, now + seconds(4)), std::nullopt);
  EXPECT_EQ(p.take("a", Pace::kNormal, now + seconds(10)), std::nullopt);
  EXPECT_EQ(p.take("a", Pace::kSlow, now + seconds(20)), seconds(90));
  EXPECT_NE(p.take("c", Pace::kNone, now), std::nullopt);
}

}  // namespace
}  // namespace kubus::controllers::nodelifecycle
