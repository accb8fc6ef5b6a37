// ReplicaSets on a simulated bus: whole transcripts.
#include "services/controllers/replicaset/replicaset.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "services/controllers/owners.h"
#include "services/controllers/pods.h"
#include "services/controllers/testing/workloads.h"

namespace kubus::controllers {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Workloads;

int64_t status(Workloads& w, std::string_view field) {
  json::value set = w.get("replicasets", "solo");
  const json::value* s = set.as_object().if_contains("status");
  const json::value* v = s ? s->as_object().if_contains(field) : nullptr;
  return v ? v->to_number<int64_t>() : 0;
}
void want(Workloads& w, int replicas) {
  w.edit("replicasets", "solo",
         [&](json::object& o) { o["spec"].as_object()["replicas"] = replicas; });
}
size_t pod_creations(Workloads& w) {
  size_t count = 0;
  for (const auto& request : w.c.store.writes()) {
    for (const auto& op : request.operations) {
      count += op->resource == "pods" && op->verb == wire::Verb::Create;
    }
  }
  return count;
}

TEST(ReplicaSets, GrowAndShrink) {
  Workloads w;
  w.most = 5;
  w.replica_set(3);
  w.run();
  EXPECT_EQ(w.pods(true), 3u);
  EXPECT_EQ(status(w, "availableReplicas"), 3);
  want(w, 5);
  w.run();
  EXPECT_EQ(w.pods(true), 5u);
  want(w, 0);
  w.run();
  EXPECT_EQ(w.all("pods").size(), 0u);
  EXPECT_EQ(status(w, "replicas"), 0);
  EXPECT_EQ(pod_creations(w), 5u);
  EXPECT_TRUE(w.violations.empty());
}

TEST(ReplicaSets, ManyPodsInFewRequests) {
  Workloads w;
  w.kubelet_works = false;
  w.run(seconds(1));
  w.most = 600;
  size_t before = w.c.store.writes().size();
  w.replica_set(600);
  w.run(seconds(1));
  EXPECT_EQ(w.pods(), 600u);
  size_t requests = 0;
  for (size_t i = before; i < w.c.store.writes().size(); ++i) {
    requests += w.c.store.writes()[i].operations[0]->resource == "pods";
  }
  EXPECT_LE(requests, 3u);
}

// No view, however old, makes it create what it has created already.
TEST(ReplicaSets, AStaleViewNeverMakesTooMany) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Workloads w(seed);
    w.run(seconds(1));
    w.c.store.lose_events_percent(70);
    w.c.store.double_events_percent(20);
    w.most = 20;
    w.replica_set(20);
    for (int i = 0; i < 30; ++i) {
      w.edit("replicasets", "solo", [&](json::object& o) {
        o["metadata"].as_object()["annotations"] = json::object{{"touched", std::to_string(i)}};
      });
      w.run(milliseconds(40));
    }
    w.c.store.lose_events_percent(0);
    w.c.store.double_events_percent(0);
    w.run(seconds(90));
    EXPECT_EQ(w.pods(true), 20u) << seed;
    EXPECT_EQ(pod_creations(w), 20u) << seed;
    EXPECT_TRUE(w.violations.empty()) << seed << ": " << w.violations.front();
  }
}

TEST(ReplicaSets, LostAnswersMakeNoSecondPods) {
  Workloads w;
  w.run(seconds(1));
  w.most = 10;
  w.c.store.lose_answers(3);
  w.replica_set(10);
  w.run(seconds(60));
  EXPECT_EQ(w.pods(true), 10u);
  EXPECT_EQ(pod_creations(w), 10u);
  EXPECT_TRUE(w.violations.empty());
}

TEST(ReplicaSets, DyingAfterAnyWriteEndsAsIfNothingHadHappened) {
  auto transcript = [](Workloads& w) {
    w.run(seconds(1));
    w.replica_set(3);
  };
  auto finish = [](Workloads& w) {
    w.run(seconds(3));
    want(w, 1);
    w.run(seconds(3));
  };
  Workloads calm;
  transcript(calm);
  finish(calm);
  for (size_t k = 1; k < 30; ++k) {
    Workloads w;
    w.most = 3;
    w.run(seconds(1));
    size_t before = w.c.store.writes().size();
    w.replica_set(3);
    auto reached = [&] { return w.c.store.writes().size() >= before + k; };
    bool died = w.c.world.run_until(reached, seconds(3));
    if (died) {
      w.crash();
      w.start();
    }
    finish(w);
    EXPECT_EQ(w.summary(), calm.summary()) << "having died after write " << k;
    EXPECT_TRUE(w.violations.empty()) << k << ": " << w.violations.front();
    if (!died) return;
  }
}

TEST(ReplicaSets, AdoptOrphansAndReleaseWhatDoesNotMatch) {
  Workloads w;
  w.put("pods", R"({"metadata":{"name":"orphan","labels":{"app":"solo"}},)"
                R"("spec":{"containers":[{"name":"c","image":"i"}]}})");
  w.replica_set(2);
  w.run();
  EXPECT_EQ(w.pods(), 2u);
  EXPECT_EQ(pod_creations(w), 1u);
  Object orphan = w.c.store.find(kit::testing::key("pods", "d", "orphan"));
  ASSERT_TRUE(orphan);
  EXPECT_EQ(controller_of(orphan).name, "solo");
  w.edit("pods", "orphan", [](json::object& o) {
    o["metadata"].as_object()["labels"] = json::object{{"app", "other"}};
  });
  w.run();
  orphan = w.c.store.find(kit::testing::key("pods", "d", "orphan"));
  ASSERT_TRUE(orphan);
  EXPECT_FALSE(controller_of(orphan));
  EXPECT_EQ(w.pods(), 3u);
  EXPECT_EQ(status(w, "replicas"), 2);
}

TEST(ReplicaSets, LeaveOthersPodsAlone) {
  Workloads w;
  w.put("pods", R"({"metadata":{"name":"foreign","labels":{"app":"solo"},"ownerReferences":[)"
                R"({"apiVersion":"v1","kind":"Thing","name":"x","uid":"u","controller":true}]},)"
                R"("spec":{"containers":[{"name":"c","image":"i"}]}})");
  w.replica_set(1);
  w.run();
  EXPECT_EQ(pod_creations(w), 1u);
  want(w, 0);
  w.run();
  EXPECT_TRUE(w.c.store.find(kit::testing::key("pods", "d", "foreign")));
  EXPECT_EQ(w.pods(), 1u);
}

TEST(ReplicaSets, RemoveTheCheapestFirst) {
  Workloads w;
  w.replica_set(4);
  w.run();
  std::string cheap(w.all("pods")[2].name());
  w.edit("pods", cheap, [](json::object& o) {
    o["metadata"].as_object()["annotations"] =
        json::object{{"controller.kubernetes.io/pod-deletion-cost", "-5"}};
  });
  w.run();
  want(w, 3);
  w.run();
  EXPECT_FALSE(w.c.store.find(kit::testing::key("pods", "d", cheap)));
  EXPECT_EQ(w.pods(true), 3u);
}

TEST(ReplicaSets, PodsAreAvailableAfterTheirTime) {
  Workloads w;
  w.replica_set(2, R"("minReadySeconds":30)");
  w.run(seconds(20));
  EXPECT_EQ(status(w, "readyReplicas"), 2);
  EXPECT_EQ(status(w, "availableReplicas"), 0);
  w.run(seconds(15));
  EXPECT_EQ(status(w, "availableReplicas"), 2);
}

TEST(ReplicaSets, ReplaceFinishedAndDeletedPods) {
  Workloads w;
  w.replica_set(3);
  w.run();
  w.edit("pods", std::string(w.all("pods")[0].name()),
         [](json::object& o) { o["status"].as_object()["phase"] = "Failed"; });
  w.c.store.erase(w.all("pods")[1].key());
  w.run();
  EXPECT_EQ(w.pods(true), 3u);
  EXPECT_EQ(w.all("pods").size(), 4u) << "what failed is left to look at";
}

TEST(ReplicaSets, OneThatIsBeingDeletedMakesNothing) {
  Workloads w;
  w.put("replicasets",
        R"({"metadata":{"name":"solo","deletionTimestamp":"2026-01-01T00:00:00Z",)"
        R"("finalizers":["foregroundDeletion"]},"spec":{"replicas":3,)"
        R"("selector":{"matchLabels":{"app":"solo"}},"template":{"metadata":)"
        R"({"labels":{"app":"solo"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  w.run();
  EXPECT_EQ(w.all("pods").size(), 0u);
}

}  // namespace
}  // namespace kubus::controllers
