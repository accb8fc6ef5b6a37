#include <gtest/gtest.h>

#include "services/store/kinds/testing.h"

namespace kubus::store::kinds {
namespace {

const KindInfo& pod_kind() {
  return World::kind("", "Pod");
}

json::value pod(std::string_view container = R"({"name":"c","image":"x:1"})",
                std::string_view more = "") {
  return json::parse(R"({"metadata":{"name":"p"},"spec":{"containers":[)" + std::string(container) +
                     "]" + std::string(more) + "}}");
}

std::string refused(World& w, const json::object& before, const json::value& after) {
  Result<json::object> r = w.update(pod_kind(), before, after);
  if (r) return "";
  return r.error().causes.empty() ? r.error().message
                                  : r.error().causes[0].field + " " + r.error().causes[0].reason;
}

TEST(PodUpdate, OnlyALittleMayChange) {
  World w;
  json::object before = *w.create(pod_kind(), pod());
  json::value image(before);
  image.at("spec").at("containers").at(0).as_object()["image"] = "x:2";
  Result<json::object> after = w.update(pod_kind(), before, image);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(number_in(object_in(*after, "metadata"), "generation"), 2);

  json::value node(before);
  node.at("spec").as_object()["nodeName"] = "n";
  EXPECT_EQ(refused(w, before, node), "spec FieldValueForbidden");

  json::value more(before);
  more.at("spec").at("containers").as_array().push_back(json::parse(R"({"name":"d","image":"y"})"));
  EXPECT_EQ(refused(w, before, more), "spec.containers FieldValueForbidden");

  json::value tolerant(before);
  tolerant.at("spec")
      .at("tolerations")
      .as_array()
      .push_back(json::parse(R"({"key":"a","operator":"Exists"})"));
  EXPECT_EQ(refused(w, before, tolerant), "");
  json::value intolerant(before);
  intolerant.at("spec").at("tolerations").as_array().pop_back();
  EXPECT_EQ(refused(w, before, intolerant), "spec.tolerations FieldValueForbidden");
}

TEST(PodUpdate, KeepsStatusAndTheServersMetadata) {
  World w;
  json::object before = *w.create(pod_kind(), pod());
  json::value after(before);
  after.at("metadata").as_object()["uid"] = "other";
  after.at("metadata").as_object()["labels"] = json::object{{"a", "b"}};
  after.as_object()["status"] = json::object{{"phase", "Running"}};
  Result<json::object> r = w.update(pod_kind(), before, after);
  ASSERT_TRUE(r);
  EXPECT_EQ(object_in(*r, "status"), object_in(before, "status"));
  EXPECT_TRUE(same(object_in(*r, "metadata"), object_in(before, "metadata"), "uid"));
  EXPECT_EQ(text_in(object_in(object_in(*r, "metadata"), "labels"), "a"), "b");
  EXPECT_EQ(number_in(object_in(*r, "metadata"), "generation"), 1);
}

TEST(PodStatus, ChangesStatusAlone) {
  World w;
  json::object before = *w.create(pod_kind(), pod());
  json::object after = before;
  make_object(after, "status")["phase"] = "Running";
  make_object(after, "spec")["nodeName"] = "elsewhere";
  Context ctx = w.context(pod_kind());
  ASSERT_TRUE(admit_status(ctx, before, after));
  EXPECT_EQ(text_in(object_in(after, "status"), "phase"), "Running");
  EXPECT_EQ(object_in(after, "spec"), object_in(before, "spec"));
}

TEST(PodCreate, NeedsItsNamespaceAndAccount) {
  World w;
  json::object object = *World::canonical(pod_kind(), pod());
  Context ctx = w.context(pod_kind(), "nowhere");
  Status s = admit_create(ctx, object);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kNotFound);
  w.lookup.put("Namespace", "", "going",
               json::object{{"metadata", {{"deletionTimestamp", "2026-01-01T00:00:00Z"}}}});
  Context going = w.context(pod_kind(), "going");
  object = *World::canonical(pod_kind(), pod());
  s = admit_create(going, object);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kForbidden);
}

TEST(PodCreate, QosFollowsResources) {
  World w;
  auto qos = [&](std::string_view resources) {
    Result<json::object> r = w.create(
        pod_kind(), pod(R"({"name":"c","image":"x","resources":)" + std::string(resources) + "}"));
    return r ? std::string(text_in(object_in(*r, "status"), "qosClass")) : r.error().message;
  };
  EXPECT_EQ(qos("{}"), "BestEffort");
  EXPECT_EQ(qos(R"({"limits":{"cpu":"1","memory":"1Gi"}})"), "Guaranteed");
  EXPECT_EQ(qos(R"({"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"500m"}})"), "Burstable");
}

TEST(PodCreate, HostNetworkSetsHostPorts) {
  World w;
  Result<json::object> r = w.create(
      pod_kind(),
      pod(R"({"name":"c","image":"x","ports":[{"containerPort":80}]})", R"(,"hostNetwork":true)"));
  ASSERT_TRUE(r) << r.error().message;
  const json::object& c = object_of(array_in(object_in(*r, "spec"), "containers")[0]);
  EXPECT_EQ(number_in(object_of(array_in(c, "ports")[0]), "hostPort"), 80);
}

TEST(Binding, BindsOnce) {
  World w;
  json::object object = *w.create(pod_kind(), pod());
  Context ctx = w.context(pod_kind());
  json::object binding =
      json::parse(R"({"target":{"kind":"Node","name":"n1"},"metadata":{"annotations":{"a":"b"}}})")
          .as_object();
  ASSERT_TRUE(bind(ctx, binding, object));
  EXPECT_EQ(text_in(object_in(object, "spec"), "nodeName"), "n1");
  EXPECT_EQ(text_in(object_in(object_in(object, "metadata"), "annotations"), "a"), "b");
  const json::array& conditions = array_in(object_in(object, "status"), "conditions");
  ASSERT_EQ(conditions.size(), 1u);
  EXPECT_EQ(text_in(object_of(conditions[0]), "type"), "PodScheduled");
  Status again = bind(ctx, binding, object);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  json::object fresh = *w.create(pod_kind(), pod());
  EXPECT_EQ(bind(ctx, json::object(), fresh).error().code, Code::kInvalid);
}

TEST(References, NameAllThatTheNodeNeeds) {
  World w;
  json::object object = *w.create(
      pod_kind(),
      pod(R"({"name":"c","image":"x","env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":"s1","key":"k"}}}],
                          "envFrom":[{"configMapRef":{"name":"m1"}}]})",
          R"(,"volumes":[{"name":"v","secret":{"secretName":"s2"}},{"name":"u","configMap":{"name":"m1"}}])"));
  std::vector<std::string> names;
  for (const ObjectKey& key : references(pod_kind(), object))
    names.push_back(key.kind->kind + "/" + key.name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"ConfigMap/kube-root-ca.crt", "ConfigMap/m1",
                                             "Secret/s1", "Secret/s2", "ServiceAccount/default"}));
}

TEST(GracePeriod, OnlyRunningPodsWait) {
  World w;
  json::object object = *w.create(pod_kind(), pod());
  EXPECT_EQ(grace_period(pod_kind(), object, std::nullopt), 0);
  make_object(object, "spec")["nodeName"] = "n";
  EXPECT_EQ(grace_period(pod_kind(), object, std::nullopt), 30);
  EXPECT_EQ(grace_period(pod_kind(), object, 5), 5);
  EXPECT_EQ(grace_period(pod_kind(), object, -1), 1);
  make_object(object, "status")["phase"] = "Succeeded";
  EXPECT_EQ(grace_period(pod_kind(), object, std::nullopt), 0);
  EXPECT_EQ(grace_period(World::kind("", "Service"), object, 7), 0);
}

}  // namespace
}  // namespace kubus::store::kinds
