#include "bus/kit/event_filter.h"

#include <gtest/gtest.h>

#include "bus/kit/testing/cluster.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::kit {
namespace {

using testing::kind;

struct EventFilterTest : ::testing::Test {
  EventFilterTest() {
    e.type = wire::EventType::Modified;
    e.resource = "pods";
    e.namespace_ = "shop";
    e.name = "web";
    e.node = "n1";
    e.actor = "gateway";
    e.user = "jane";
    e.changed = {"spec.containers[0].image", "metadata.generation"};
    e.object = *codec::from_json(kind("pods"),
                                 R"({"metadata":{"name":"web","labels":{"app":"web"}}})", nullptr);
  }
  bool matches() const {
    flatbuffers::FlatBufferBuilder b;
    b.Finish(wire::CreateEvent(b, &e));
    return f.matches(*EventView::from(Payload::copy_of({b.GetBufferPointer(), b.GetSize()})));
  }
  void labels(const char* text) { f.labels = *selectors::LabelSelector::parse(text); }

  wire::EventT e;
  EventFilter f;
};

TEST_F(EventFilterTest, AnEmptyOneHoldsAll) {
  EXPECT_TRUE(matches());
  EXPECT_EQ(f.lane(), bus::LaneId());
}

TEST_F(EventFilterTest, EachListMustHold) {
  f = {.kinds = {&kind("pods")}, .namespaces = {"a", "shop"}, .names = {"web"}, .nodes = {"n1"}};
  EXPECT_TRUE(matches());
  f.nodes = {"n2"};
  EXPECT_FALSE(matches());
  f.nodes.clear();
  f.kinds = {&kind("services"), &kind("deployments", "apps")};
  EXPECT_FALSE(matches());
  f.kinds.clear();
  f.namespaces = {"other"};
  EXPECT_FALSE(matches());
}

TEST_F(EventFilterTest, AnActorOrTheUserBehindIt) {
  f.actors = {"jane"};
  EXPECT_TRUE(matches());
  f.actors = {"gateway"};
  EXPECT_TRUE(matches());
  f.actors = {"scheduler"};
  EXPECT_FALSE(matches());
  e.user.clear();
  f.actors = {""};
  EXPECT_FALSE(matches());
}

TEST_F(EventFilterTest, ChangedPathsAreWholeNames) {
  for (const char* path : {"spec", "spec.containers", "spec.containers[0].image",
                           "metadata.generation", "spec.containers[0].image.x"}) {
    f.changed = {path};
    EXPECT_TRUE(matches()) << path;
  }
  for (const char* path : {"status", "spec.cont", "metadata.gen", "spe"}) {
    f.changed = {path};
    EXPECT_FALSE(matches()) << path;
  }
  e.changed.push_back("…");
  EXPECT_TRUE(matches());  // there are more than the event names
  e.type = wire::EventType::Added;
  EXPECT_FALSE(matches());
}

TEST_F(EventFilterTest, OnlySome) {
  f.only = {*parse_only("created"), *parse_only("status")};
  EXPECT_FALSE(matches());
  e.changed = {"status.phase"};
  EXPECT_TRUE(matches());
  f.only = {*parse_only("spec")};
  EXPECT_FALSE(matches());
  e.changed = {"metadata.labels"};
  EXPECT_FALSE(matches());
  e.changed = {"data.key"};
  EXPECT_TRUE(matches());
  f.only = {*parse_only("deleted")};
  e.type = wire::EventType::Deleted;
  EXPECT_TRUE(matches());
  EXPECT_FALSE(parse_only("nothing"));
}

TEST_F(EventFilterTest, LabelsAsTheyAreOrWere) {
  labels("app=web");
  EXPECT_TRUE(matches());
  labels("app=db");
  EXPECT_FALSE(matches());
  e.before = std::make_unique<wire::BeforeT>();
  e.before->labels_changed = true;
  auto label = std::make_unique<wire::LabelT>();
  label->key = "app";
  label->value = "db";
  e.before->labels.push_back(std::move(label));
  EXPECT_TRUE(matches());  // it left the selection
  e.before->labels_changed = false;
  EXPECT_FALSE(matches());
}

TEST_F(EventFilterTest, ConfidentialKindsHaveTheirLabelsInTheMetadata) {
  e.resource = "secrets";
  e.object.clear();
  e.metadata = *codec::from_json(kind("secrets"),
                                 R"({"metadata":{"name":"web","labels":{"app":"web"}}})", nullptr);
  labels("app=web");
  EXPECT_TRUE(matches());
}

TEST_F(EventFilterTest, TheNarrowestLane) {
  f.kinds = {&kind("pods")};
  EXPECT_EQ(f.lane(), (bus::LaneId{"", "pods", "", "", ""}));
  f.names = {"web"};
  EXPECT_EQ(f.lane(), (bus::LaneId{"", "pods", "", "", ""}));  // in every namespace
  f.namespaces = {"shop"};
  EXPECT_EQ(f.lane(), (bus::LaneId{"", "pods", "shop", "web", ""}));
  f.names = {"web", "db"};
  EXPECT_EQ(f.lane(), (bus::LaneId{"", "pods", "shop", "", ""}));
  f = {.kinds = {&kind("nodes")}, .names = {"n1"}};
  EXPECT_EQ(f.lane(), (bus::LaneId{"", "nodes", "", "n1", ""}));
  f.kinds.push_back(&kind("pods"));
  EXPECT_EQ(f.lane(), bus::LaneId());
}

}  // namespace
}  // namespace kubus::kit
