// Deletion, in all its slowness.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "schemas/lib/codec/codec.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

TEST(Delete, OfAnUnboundObjectIsAtOnce) {
  StoreWorld w;
  Got a = w.create("configmaps", "default", R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  Got gone = w.remove("configmaps", "default", "a");
  ASSERT_TRUE(gone) << gone.message();
  EXPECT_TRUE(gone.outcome.gone);
  EXPECT_EQ(gone.text("data.k"), "v");
  EXPECT_GT(gone.revision(), a.revision());
  EXPECT_EQ(gone.text("metadata.resourceVersion"), std::to_string(gone.revision()));
  EXPECT_EQ(w.remove("configmaps", "default", "a").code(), Code::kNotFound);
}

TEST(Delete, HoldsToItsPreconditions) {
  StoreWorld w;
  Got a = w.create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  auto request = StoreWorld::request(wire::Verb::Delete, "configmaps", "default", "a");
  request.operations[0]->precondition_uid = "another";
  EXPECT_EQ(w.call(std::move(request)).code(), Code::kConflict);
  request = StoreWorld::request(wire::Verb::Delete, "configmaps", "default", "a");
  request.operations[0]->precondition_revision = a.revision() + 1;
  EXPECT_EQ(w.call(std::move(request)).code(), Code::kConflict);
  request = StoreWorld::request(wire::Verb::Delete, "configmaps", "default", "a");
  request.operations[0]->precondition_uid = a.text("metadata.uid");
  request.operations[0]->precondition_revision = a.revision();
  EXPECT_TRUE(w.call(std::move(request)));
}

Got remove_with_grace(StoreWorld& w, const char* pod, int64_t seconds,
                      const std::string& actor = "admin") {
  auto request = StoreWorld::request(wire::Verb::Delete, "pods", "default", pod);
  request.operations[0]->grace_seconds = seconds;
  return w.call(std::move(request), actor);
}

TEST(Delete, OfABoundPodWaitsForItsKubelet) {
  StoreWorld w;
  w.create_node("n1");
  Got pod = w.create_pod("p", "n1");
  ASSERT_TRUE(pod) << pod.message();
  Got first = w.remove("pods", "default", "p");
  ASSERT_TRUE(first) << first.message();
  EXPECT_FALSE(first.outcome.gone);
  EXPECT_EQ(first.at("metadata.deletionGracePeriodSeconds"), 30);
  Got longer = remove_with_grace(w, "p", 60);
  EXPECT_EQ(longer.revision(), first.revision());
  Got shorter = remove_with_grace(w, "p", 5);
  EXPECT_EQ(shorter.at("metadata.deletionGracePeriodSeconds"), 5);
  Got gone = remove_with_grace(w, "p", 0, "kubelet:n1");
  ASSERT_TRUE(gone) << gone.message();
  EXPECT_TRUE(gone.outcome.gone);
  EXPECT_EQ(w.get("pods", "default", "p").code(), Code::kNotFound);
}

TEST(Delete, OfAnUnboundPodIsAtOnce) {
  StoreWorld w;
  ASSERT_TRUE(w.create_pod("p"));
  EXPECT_TRUE(w.remove("pods", "default", "p").outcome.gone);
}

TEST(Delete, WaitsForFinalizers) {
  StoreWorld w;
  w.create("configmaps", "default", R"({"metadata":{"name":"a","finalizers":["x.io/f"]}})");
  Got marked = w.remove("configmaps", "default", "a");
  EXPECT_FALSE(marked.outcome.gone);
  EXPECT_NE(marked.text("metadata.deletionTimestamp"), "");
  EXPECT_TRUE(w.get("configmaps", "default", "a"));
  Got last = w.patch("configmaps", "default", "a", R"({"metadata":{"finalizers":null}})");
  ASSERT_TRUE(last) << last.message();
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
}

TEST(Delete, PropagationIsAFinalizer) {
  StoreWorld w;
  w.create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  auto request = StoreWorld::request(wire::Verb::Delete, "configmaps", "default", "a");
  request.operations[0]->propagation = wire::Propagation::Foreground;
  Got marked = w.call(std::move(request));
  ASSERT_TRUE(marked) << marked.message();
  EXPECT_EQ(marked.at("metadata.finalizers").at(0), "foregroundDeletion");
  request = StoreWorld::request(wire::Verb::Delete, "configmaps", "default", "a");
  request.operations[0]->propagation = wire::Propagation::Background;
  EXPECT_TRUE(w.call(std::move(request)).outcome.gone);
}

TEST(Delete, OfANamespaceKeepsItUntilItIsFinalized) {
  StoreWorld w;
  Got ns = w.create("namespaces", "", R"({"metadata":{"name":"n"}})");
  Got marked = w.remove("namespaces", "", "n");
  ASSERT_TRUE(marked) << marked.message();
  EXPECT_EQ(marked.text("status.phase"), "Terminating");
  Got late = w.create("configmaps", "n", R"({"metadata":{"name":"a"}})");
  EXPECT_EQ(late.code(), Code::kForbidden);
  ASSERT_FALSE(late.status.error().causes.empty());
  EXPECT_EQ(late.status.error().causes[0].reason, "NamespaceTerminating");
  boost::json::value final = marked.object;
  final.at("spec").as_object()["finalizers"] = boost::json::array();
  Got done = w.update("namespaces", final, "finalize");
  ASSERT_TRUE(done) << done.message();
  EXPECT_EQ(w.get("namespaces", "", "n").code(), Code::kNotFound);
}

TEST(DeleteCollection, TakesWhatIsSelected) {
  StoreWorld w;
  for (const char* name : {"a", "b", "c"}) {
    std::string label = name[0] == 'c' ? "no" : "yes";
    w.create("configmaps", "default",
             R"({"metadata":{"name":")" + std::string(name) + R"(","labels":{"x":")" + label +
                 R"("}}})");
  }
  auto request = StoreWorld::request(wire::Verb::DeleteCollection, "configmaps", "default", "");
  request.operations[0]->label_selector = "x=yes";
  Got got = w.call(std::move(request));
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.items.size(), 2u);
  EXPECT_EQ(w.list("configmaps", "default", "x").items.size(), 1u);
}

TEST(Binding, BindsOnceAndForAll) {
  StoreWorld w;
  w.create_pod("p");
  auto bind = [&](const char* node, const std::string& actor) {
    auto request = StoreWorld::request(wire::Verb::Create, "pods", "default", "p");
    request.operations[0]->subresource = "binding";
    const auto& body = *schema::Registry::get().by_kind("", "v1", "Binding");
    auto bytes = codec::from_value(
        body, {{"metadata", {{"name", "p"}}}, {"target", {{"kind", "Node"}, {"name", node}}}},
        nullptr);
    request.operations[0]->object = *std::move(bytes);
    return w.call(std::move(request), actor);
  };
  Got bound = bind("n1", "scheduler");
  ASSERT_TRUE(bound) << bound.message();
  Got pod = w.get("pods", "default", "p");
  EXPECT_EQ(pod.text("spec.nodeName"), "n1");
  EXPECT_EQ(bind("n2", "scheduler").code(), Code::kConflict);
  EXPECT_EQ(bind("n2", "kubelet:n2").code(), Code::kForbidden);
  // Its node hears of it, and of nothing else.
  auto events = StoreWorld::request(wire::Verb::EventsAfter, "pods", "", "");
  events.operations[0]->resource = "";
  events.operations[0]->lane = std::make_unique<wire::LaneT>();
  events.operations[0]->lane->node = "n1";
  Got lane = w.call(std::move(events), "kubelet:n1");
  ASSERT_TRUE(lane) << lane.message();
  EXPECT_EQ(lane.outcome.events.size(), 1u);
  EXPECT_EQ(lane.outcome.head, bound.revision());
}

TEST(Eviction, IsADelete) {
  StoreWorld w;
  w.create_pod("p", "n1");
  auto request = StoreWorld::request(wire::Verb::Create, "pods", "default", "p");
  request.operations[0]->subresource = "eviction";
  const auto& body = *schema::Registry::get().by_kind("policy", "v1", "Eviction");
  request.operations[0]->object =
      *codec::from_value(body, {{"metadata", {{"name", "p"}}}}, nullptr);
  Got got = w.call(std::move(request));
  ASSERT_TRUE(got) << got.message();
  EXPECT_NE(w.get("pods", "default", "p").text("metadata.deletionTimestamp"), "");
}

TEST(KubernetesEvents, AreKeptForAWhileOnly) {
  StoreOptions options;
  options.maintenance.event_ttl = std::chrono::minutes(10);
  options.maintenance.most_events = 3;
  StoreWorld w(1, options);
  auto event = [&](int i) {
    return w.create("events", "default",
                    R"({"metadata":{"name":"e)" + std::to_string(i) +
                        R"("},"involvedObject":{"namespace":"default"}})");
  };
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(event(i));
  w.world.run_for(std::chrono::seconds(30));
  Got some = w.list("events", "default");
  ASSERT_EQ(some.items.size(), 3u);
  EXPECT_EQ(some.items[0].at("metadata").at("name"), "e5");
  w.world.run_for(std::chrono::minutes(11));
  EXPECT_EQ(w.list("events", "default").items.size(), 0u);
}

}  // namespace
}  // namespace kubus::store::testing
