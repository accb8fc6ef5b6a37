#include "bus/cloudevents/cloudevents.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "bus/kit/testing/cluster.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cloudevents {
namespace {

namespace json = boost::json;
using kit::testing::kind;

// An event as the store builds it.
struct Made {
  Made(const std::string& resource, const std::string& object_json) {
    const schema::KindInfo& k = kind(resource);
    e.type = wire::EventType::Modified;
    e.revision = 42;
    e.time = 1'795'000'000'123'456'789;
    e.actor = "scheduler";
    e.resource = resource;
    e.namespace_ = "default";
    e.name = "web";
    e.previous_resource = 41;
    e.previous_object = 40;
    e.previous_namespace = 39;
    auto bytes = codec::from_json(k, object_json, nullptr);
    (k.confidential ? e.metadata : e.object) = *bytes;
  }
  kit::EventView view() const {
    flatbuffers::FlatBufferBuilder b;
    b.Finish(wire::CreateEvent(b, &e));
    return *kit::EventView::from(Payload::copy_of({b.GetBufferPointer(), b.GetSize()}));
  }
  json::object encoded() const { return json::parse(encode(view(), "/kubus/c")).as_object(); }

  wire::EventT e;
};

const char* const kPod =
    R"({"metadata":{"name":"web","namespace":"default"},"spec":{"nodeName":"n1"}})";

TEST(CloudEvents, TheEnvelope) {
  json::object o = Made("pods", kPod).encoded();
  EXPECT_EQ(o["specversion"], "1.0");
  EXPECT_EQ(o["id"], "42");
  EXPECT_EQ(o["source"], "/kubus/c");
  EXPECT_EQ(o["type"], "io.kubus.pods.modified");
  EXPECT_EQ(o["subject"], "pods/default/web");
  EXPECT_EQ(o["time"], "2026-11-18T11:06:40.123456Z");
  EXPECT_EQ(o["datacontenttype"], "application/json");
  EXPECT_EQ(o["sequence"], "00000000000000000042");
  EXPECT_EQ(o["partitionkey"], "pods/default/web");
}

TEST(CloudEvents, TheData) {
  Made made("pods", kPod);
  made.e.user = "jane";
  made.e.source = "192.0.2.7 kubectl";
  made.e.subresource = "binding";
  made.e.request_id = "r-1";
  made.e.changed = {"spec.nodeName", "status.conditions"};
  made.e.cause = std::make_unique<wire::CauseT>();
  made.e.cause->revisions = {40, 41};
  made.e.cause->trigger = wire::Trigger::Event;
  made.e.before = std::make_unique<wire::BeforeT>();
  made.e.before->labels_changed = true;
  auto field = std::make_unique<wire::LabelT>();
  field->key = "spec.nodeName";
  made.e.before->fields.push_back(std::move(field));
  json::object data = made.encoded()["data"].as_object();
  EXPECT_EQ(data["object"].at("spec").at("nodeName"), "n1");
  EXPECT_EQ(data["object"].at("kind"), "Pod");
  data.erase("object");
  EXPECT_EQ(json::serialize(data),
            R"({"revision":42,"type":"modified","group":"","resource":"pods",)"
            R"("namespace":"default","name":"web","actor":"scheduler","user":"jane",)"
            R"("source":"192.0.2.7 kubectl","requestId":"r-1","subresource":"binding",)"
            R"("cause":{"trigger":"event","revisions":[40,41]},)"
            R"("changed":["spec.nodeName","status.conditions"],)"
            R"("before":{"labels":{},"fields":{"spec.nodeName":""}},)"
            R"("previous":{"object":40,"resource":41,"namespace":39}})");
}

TEST(CloudEvents, AGroupStandsInTheType) {
  Made made("pods", kPod);
  made.e.type = wire::EventType::Deleted;
  made.e.group = "apps";
  made.e.resource = "deployments";
  made.e.object.clear();
  json::object o = made.encoded();
  EXPECT_EQ(o["type"], "io.kubus.deployments.apps.deleted");
  EXPECT_EQ(o["subject"], "deployments.apps/default/web");
  EXPECT_FALSE(o["data"].as_object().contains("object"));
}

TEST(CloudEvents, SecretsCarryMetadataAlone) {
  const char* secret =
      R"({"metadata":{"name":"web","annotations":{"team":"a",)"
      R"("kubectl.kubernetes.io/last-applied-configuration":"{\"data\":\"aHVzaA==\"}"}},)"
      R"("data":{"password":"aHVzaA=="}})";
  Made made("secrets", secret);
  std::string out = encode(made.view(), "/kubus/c");
  EXPECT_EQ(out.find("aHVzaA"), std::string::npos);
  json::object meta = json::parse(out).at("data").at("object").at("metadata").as_object();
  EXPECT_EQ(meta["name"], "web");
  EXPECT_EQ(meta["annotations"].as_object().size(), 1u);
  made.e.object = std::move(made.e.metadata);  // where no event has it
  EXPECT_EQ(encode(made.view(), "/kubus/c").find("aHVzaA"), std::string::npos);
}

TEST(CloudEvents, WhatCannotBeReadIsLeftOut) {
  Made made("pods", kPod);
  made.e.object = {1, 2, 3};
  EXPECT_FALSE(made.encoded()["data"].as_object().contains("object"));
  made.e.resource = "gizmos";
  EXPECT_EQ(made.encoded()["type"], "io.kubus.gizmos.modified");
}

TEST(CloudEvents, NoticesAreToldApart) {
  Made made("pods", kPod);
  made.e.type = wire::EventType::Notice;
  made.e.object.clear();
  made.e.node = "n1";
  EXPECT_EQ(made.encoded()["id"], "42/n1");
}

TEST(CloudEvents, TheObjectMayBeLeftOut) {
  Made made("pods", kPod);
  json::object data =
      json::parse(encode(made.view(), "/kubus/c", Content::kEnvelope)).at("data").as_object();
  EXPECT_FALSE(data.contains("object"));
  EXPECT_EQ(data["objectOmitted"], true);
}

TEST(CloudEvents, WhatIsLostIsSaid) {
  json::object o = json::parse(encode(Loss{.after = Revision(7),
                                           .until = Revision(40),
                                           .time_ns = 1'795'000'000'000'000'000,
                                           .follower = "audit",
                                           .reason = "compacted"},
                                      "/kubus/c"))
                       .as_object();
  EXPECT_EQ(o["type"], "io.kubus.bridge.lost");
  EXPECT_EQ(o["id"], "lost-7-40");
  EXPECT_EQ(o["subject"], "audit");
  EXPECT_EQ(o["data"].at("after"), 7);
  EXPECT_EQ(o["data"].at("until"), 40);
}

TEST(CloudEvents, ABatchIsAnArray) {
  EXPECT_EQ(batch({}), "[]");
  std::string one = encode(Made("pods", kPod).view(), "/kubus/c");
  EXPECT_EQ(json::parse(batch({one, one})).as_array().size(), 2u);
  EXPECT_EQ(one.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace kubus::cloudevents
