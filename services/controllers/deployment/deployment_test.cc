// Deployments on a simulated bus: whole transcripts, with their ReplicaSets.
#include "services/controllers/deployment/deployment.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "schemas/lib/codec/codec.h"
#include "services/controllers/deployment/template.h"
#include "services/controllers/owners.h"
#include "services/controllers/testing/workloads.h"
#include "services/controllers/values.h"

namespace kubus::controllers {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::Workloads;

constexpr const char* kSurgeOnly =
    R"("strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1,"maxUnavailable":0}})";
constexpr const char* kRecreate = R"("strategy":{"type":"Recreate"})";

struct SetView {
  std::string image;
  int64_t wants, revision;
  bool operator==(const SetView&) const = default;
  friend void PrintTo(const SetView& s, std::ostream* out) {
    *out << s.image << " wants " << s.wants << " revision " << s.revision;
  }
};
// Oldest revision first.
std::vector<SetView> sets(Workloads& w) {
  std::vector<SetView> out;
  for (const Object& set : w.all("replicasets")) {
    json::value v = codec::to_value(set.kind(), set.bytes());
    const json::value& spec = v.at("spec");
    const json::value& container = spec.at("template").at("spec").at("containers").at(0);
    out.push_back({std::string(container.at("image").as_string()),
                   spec.at("replicas").to_number<int64_t>(),
                   std::stoll(std::string(set.annotation(deployment::kRevision).value_or("0")))});
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.revision < b.revision; });
  return out;
}
int64_t status(Workloads& w, std::string_view field) {
  json::value web = w.get("deployments", "web");
  return int_in(object_in(web.as_object(), "status"), field).value_or(0);
}
using Sets = std::vector<SetView>;

TEST(Deployments, ComeUp) {
  Workloads w;
  w.most = 3;
  w.deploy("one", 3);
  w.run();
  EXPECT_EQ(sets(w), (Sets{{"one", 3, 1}}));
  EXPECT_EQ(status(w, "availableReplicas"), 3);
  EXPECT_EQ(status(w, "updatedReplicas"), 3);
  EXPECT_EQ(w.condition("Available"), "Available=True/MinimumReplicasAvailable");
  EXPECT_EQ(w.condition("Progressing"), "Progressing=True/NewReplicaSetAvailable");
  EXPECT_TRUE(w.violations.empty());
}

TEST(Deployments, OfNothingAreComplete) {
  Workloads w;
  w.deploy("one", 0);
  w.run();
  EXPECT_EQ(sets(w), (Sets{{"one", 0, 1}}));
  EXPECT_EQ(w.condition("Progressing"), "Progressing=True/NewReplicaSetAvailable");
  w.set_image("two");
  w.run();
  EXPECT_EQ(sets(w), (Sets{{"one", 0, 1}, {"two", 0, 2}}));
}

void roll_within(const std::string& spec, int replicas, size_t most, size_t least) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Workloads w(seed);
    w.deploy("one", replicas, spec);
    w.run();
    w.most = most;
    w.least_ready = least;
    w.set_image("two");
    w.run(seconds(10));
    EXPECT_EQ(sets(w), (Sets{{"one", 0, 1}, {"two", replicas, 2}}));
    EXPECT_EQ(w.pods(true), static_cast<size_t>(replicas));
    EXPECT_TRUE(w.violations.empty()) << w.violations.front();
  }
}
TEST(Deployments, RollWithinTheDefaults) {
  roll_within("", 4, 5, 3);
  roll_within("", 10, 13, 8);
}
TEST(Deployments, RollWithASurgeOnly) {
  roll_within(kSurgeOnly, 3, 4, 3);
}
TEST(Deployments, RollWithoutASurge) {
  roll_within(R"("strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":"50%"}})", 4, 4, 2);
}

TEST(Deployments, ABadImageStallsAndIsTakenBack) {
  Workloads w;
  w.deploy("one", 4);
  w.run();
  w.most = 5;
  w.least_ready = 3;
  w.set_image("bad");
  w.run(seconds(30));
  EXPECT_EQ(w.pods(true), 3u);
  EXPECT_EQ(w.condition("Progressing"), "Progressing=True/ReplicaSetUpdated");
  w.run(seconds(60));
  EXPECT_EQ(w.condition("Progressing"), "Progressing=False/ProgressDeadlineExceeded");
  EXPECT_EQ(w.condition("Available"), "Available=True/MinimumReplicasAvailable");
  w.set_image("one");
  w.run();
  EXPECT_EQ(sets(w), (Sets{{"bad", 0, 2}, {"one", 4, 3}}));
  EXPECT_EQ(w.condition("Progressing"), "Progressing=True/NewReplicaSetAvailable");
  EXPECT_TRUE(w.violations.empty()) << w.violations.front();
}

TEST(Deployments, RecreateNeverMixes) {
  Workloads w;
  w.deploy("one", 3, kRecreate);
  w.run();
  w.most = 3;
  w.set_image("two");
  bool mixed = false;
  w.c.world.run_until(
      [&] {
        std::set<std::string> images;
        for (const Object& pod : w.all("pods")) {
          json::value v = codec::to_value(pod.kind(), pod.bytes());
          images.insert(std::string(v.at("spec").at("containers").at(0).at("image").as_string()));
        }
        mixed |= images.size() > 1;
        return false;
      },
      seconds(2));
  EXPECT_FALSE(mixed);
  EXPECT_EQ(sets(w), (Sets{{"one", 0, 1}, {"two", 3, 2}}));
  EXPECT_EQ(w.pods(true), 3u);
}

TEST(Deployments, PausedOnesScaleButDoNotRoll) {
  Workloads w;
  w.deploy("one", 2);
  w.run();
  auto pause = [&](bool on) {
    w.edit("deployments", "web", [&](json::object& o) { o["spec"].as_object()["paused"] = on; });
  };
  pause(true);
  w.set_image("two");
  w.scale(4);
  w.run();
  EXPECT_EQ(sets(w), (Sets{{"one", 4, 1}}));
  EXPECT_EQ(w.condition("Progressing"), "Progressing=Unknown/DeploymentPaused");
  pause(false);
  w.run();
  EXPECT_EQ(sets(w), (Sets{{"one", 0, 1}, {"two", 4, 2}}));
  EXPECT_EQ(w.condition("Progressing"), "Progressing=True/NewReplicaSetAvailable");
}

TEST(Deployments, ScaledInMidRollout) {
  Workloads w;
  w.deploy("one", 4);
  w.run();
  w.set_image("bad");
  w.run();
  w.scale(8);
  w.run();
  w.most = 10;
  EXPECT_GE(w.pods(true), 5u) << "the old set grows in proportion";
  w.set_image("two");
  w.run(seconds(10));
  EXPECT_EQ(sets(w), (Sets{{"one", 0, 1}, {"bad", 0, 2}, {"two", 8, 3}}));
  EXPECT_EQ(w.pods(true), 8u);
  EXPECT_TRUE(w.violations.empty()) << w.violations.front();
}

TEST(Deployments, KeepOnlySoMuchHistory) {
  Workloads w;
  w.deploy("0", 1, R"("revisionHistoryLimit":2)");
  for (const char* image : {"1", "2", "3", "4", "5"}) {
    w.run();
    w.set_image(image);
  }
  w.run();
  EXPECT_EQ(sets(w), (Sets{{"3", 0, 4}, {"4", 0, 5}, {"5", 1, 6}}));
}

TEST(Deployments, ANameThatIsTakenIsAvoided) {
  Workloads probe;
  probe.kubelet_works = false;
  probe.deploy("one", 1);
  probe.run();
  std::string taken(probe.all("replicasets").at(0).name());
  Workloads w;
  w.put("replicasets",
        R"({"metadata":{"name":")" + taken +
            R"("},"spec":{"replicas":0,)"
            R"("selector":{"matchLabels":{"app":"other"}},"template":{"metadata":)"
            R"({"labels":{"app":"other"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  w.deploy("one", 2);
  w.run();
  EXPECT_EQ(status(w, "collisionCount"), 1);
  EXPECT_EQ(w.all("replicasets").size(), 2u);
  EXPECT_EQ(w.pods(true), 2u);
}

TEST(Deployments, AdoptTheirSetsWhenTheyComeBack) {
  Workloads w;
  w.deploy("one", 2);
  w.run();
  std::string name(w.all("replicasets").at(0).name());
  w.edit("replicasets", name,
         [](json::object& o) { o["metadata"].as_object().erase("ownerReferences"); });
  w.run();
  EXPECT_EQ(sets(w), (Sets{{"one", 2, 1}}));
  EXPECT_EQ(controller_of(w.all("replicasets").at(0)).name, "web");
  EXPECT_EQ(w.pods(true), 2u);
}

// What the user does, and when the process dies in the midst of it.
TEST(Deployments, DyingAfterAnyWriteEndsAsIfNothingHadHappened) {
  auto prepare = [](Workloads& w) {
    w.deploy("one", 3, kSurgeOnly);
    w.run(seconds(3));
    w.most = 4;
    w.least_ready = 3;
  };
  Workloads calm;
  prepare(calm);
  calm.set_image("two");
  calm.run(seconds(4));
  for (size_t k = 1; k < 100; ++k) {
    Workloads w;
    prepare(w);
    size_t before = w.c.store.writes().size();
    w.set_image("two");
    auto reached = [&] { return w.c.store.writes().size() >= before + k; };
    bool died = w.c.world.run_until(reached, seconds(2));
    if (died) {
      w.crash();
      w.start();
    }
    w.run(seconds(4));
    ASSERT_EQ(w.summary(), calm.summary()) << "having died after write " << k;
    ASSERT_TRUE(w.violations.empty()) << k << ": " << w.violations.front();
    if (!died) return;
  }
  FAIL() << "it never comes to rest";
}

TEST(Deployments, MissedEventsDelayButDoNotMislead) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    Workloads w(seed);
    w.deploy("one", 4);
    w.run();
    w.most = 5;
    w.least_ready = 3;
    w.c.store.lose_events_percent(40);
    w.set_image("two");
    w.run(seconds(10));
    w.c.store.lose_events_percent(0);
    w.c.host("controllers").overrun();
    w.run(seconds(90));
    EXPECT_EQ(sets(w), (Sets{{"one", 0, 1}, {"two", 4, 2}})) << seed;
    EXPECT_EQ(w.pods(true), 4u);
    EXPECT_TRUE(w.violations.empty()) << seed << ": " << w.violations.front();
  }
}

TEST(Deployments, AStoreThatGoesAwayInMidRolloutIsWaitedFor) {
  Workloads w;
  w.deploy("one", 3, kSurgeOnly);
  w.run();
  w.most = 4;
  w.least_ready = 3;
  w.set_image("two");
  w.run(std::chrono::milliseconds(20));
  w.c.restart_store(seconds(3));
  w.run(seconds(30));
  EXPECT_EQ(sets(w), (Sets{{"one", 0, 1}, {"two", 3, 2}}));
  EXPECT_TRUE(w.violations.empty()) << w.violations.front();
}

}  // namespace
}  // namespace kubus::controllers
