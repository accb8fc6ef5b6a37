// Writes as clients see them, through the bus.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

namespace json = boost::json;

TEST(Create, MakesAnObjectWithAllThatTheServerGives) {
  StoreWorld w;
  Got got = w.create("configmaps", "default", R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  ASSERT_TRUE(got) << got.message();
  EXPECT_TRUE(got.outcome.created);
  EXPECT_EQ(got.text("metadata.name"), "a");
  EXPECT_EQ(got.text("metadata.namespace"), "default");
  EXPECT_EQ(got.text("metadata.resourceVersion"), std::to_string(got.revision()));
  EXPECT_EQ(got.text("metadata.uid").size(), 36u);
  EXPECT_NE(got.text("metadata.creationTimestamp"), "");
  EXPECT_EQ(got.text("data.k"), "v");
  json::value fields = got.at("metadata.managedFields");
  ASSERT_EQ(fields.as_array().size(), 1u);
  EXPECT_EQ(fields.at(0).at("manager"), "admin");
  EXPECT_EQ(json::serialize(fields.at(0).at("fieldsV1")), R"({"f:data":{".":{},"f:k":{}}})");
}

TEST(Create, GeneratesNames) {
  StoreWorld w;
  Got a = w.create("configmaps", "default", R"({"metadata":{"generateName":"x-"}})");
  Got b = w.create("configmaps", "default", R"({"metadata":{"generateName":"x-"}})");
  ASSERT_TRUE(a && b) << a.message() << b.message();
  EXPECT_EQ(a.text("metadata.name").substr(0, 2), "x-");
  EXPECT_EQ(a.text("metadata.name").size(), 7u);
  EXPECT_NE(a.text("metadata.name"), b.text("metadata.name"));
}

TEST(Create, RefusesWhatIsThereAlready) {
  StoreWorld w;
  ASSERT_TRUE(w.create("configmaps", "default", R"({"metadata":{"name":"a"}})"));
  Got again = w.create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  EXPECT_EQ(again.code(), Code::kAlreadyExists);
  EXPECT_EQ(again.message(), "configmaps \"a\" already exists");
}

TEST(Create, NeedsItsNamespace) {
  StoreWorld w;
  Got got = w.create("configmaps", "nowhere", R"({"metadata":{"name":"a"}})");
  EXPECT_EQ(got.code(), Code::kNotFound);
  EXPECT_EQ(got.message(), "namespaces \"nowhere\" not found");
}

TEST(Create, OfANamespaceBringsWhatPodsNeed) {
  StoreOptions options;
  options.cluster_ca = "PEM";
  StoreWorld w(1, options);
  ASSERT_TRUE(w.create("namespaces", "", R"({"metadata":{"name":"n"}})"));
  EXPECT_TRUE(w.get("serviceaccounts", "n", "default"));
  EXPECT_EQ(w.get("configmaps", "n", "kube-root-ca.crt").at("data").as_object().at("ca.crt"),
            "PEM");
}

TEST(Create, GivesEveryClusterItsFirstObjects) {
  StoreWorld w;
  for (const char* ns : {"default", "kube-system", "kube-public", "kube-node-lease"})
    EXPECT_TRUE(w.get("namespaces", "", ns)) << ns;
  Got service = w.get("services", "default", "kubernetes");
  EXPECT_EQ(service.text("spec.clusterIP"), "10.96.0.1");
  uint64_t before = w.store().state().committed().revision().value();
  w.restart();
  EXPECT_TRUE(w.get("services", "default", "kubernetes"));
  EXPECT_EQ(w.store().state().committed().revision().value(), before);
}

TEST(Create, ChecksTheObject) {
  StoreWorld w;
  Got got = w.create("pods", "default", R"({"metadata":{"name":"p"},"spec":{"containers":[]}})");
  EXPECT_EQ(got.code(), Code::kInvalid);
  ASSERT_FALSE(got.status.error().causes.empty());
  EXPECT_EQ(got.status.error().causes[0].field, "spec.containers");
}

TEST(Update, MovesTheRevisionOnlyIfSomethingChanged) {
  StoreWorld w;
  Got a = w.create("configmaps", "default", R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  Got same = w.update("configmaps", a.object);
  ASSERT_TRUE(same) << same.message();
  EXPECT_EQ(same.revision(), a.revision());
  json::value next = a.object;
  next.at("data").as_object()["k"] = "w";
  Got changed = w.update("configmaps", next);
  ASSERT_TRUE(changed) << changed.message();
  EXPECT_GT(changed.revision(), a.revision());
  EXPECT_EQ(changed.text("metadata.uid"), a.text("metadata.uid"));
}

TEST(Update, RefusesAStaleRevisionAndAnotherUid) {
  StoreWorld w;
  Got a = w.create("configmaps", "default", R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  ASSERT_TRUE(w.patch("configmaps", "default", "a", R"({"data":{"k":"w"}})"));
  Got stale = w.update("configmaps", a.object);
  EXPECT_EQ(stale.code(), Code::kConflict);
  EXPECT_EQ(stale.message().find("Operation cannot be fulfilled on configmaps \"a\": "), 0u);
  json::value other = a.object;
  other.at("metadata").as_object().erase("resourceVersion");
  other.at("metadata").as_object()["uid"] = "0";
  EXPECT_EQ(w.update("configmaps", other).code(), Code::kConflict);
}

TEST(Update, OfWhatIsNotThere) {
  StoreWorld w;
  Got got = w.update("configmaps", parse(R"({"metadata":{"name":"a","namespace":"default"}})"));
  EXPECT_EQ(got.code(), Code::kNotFound);
  EXPECT_EQ(got.message(), "configmaps \"a\" not found");
}

constexpr const char* kDeployment = R"({"metadata":{"name":"d"},"spec":{"replicas":1,
  "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
  "spec":{"containers":[{"name":"c","image":"x"}]}}}})";

TEST(Update, CountsGenerationsBySpecAlone) {
  StoreWorld w;
  Got d = w.create("deployments", "default", kDeployment);
  ASSERT_TRUE(d) << d.message();
  EXPECT_EQ(d.at("metadata.generation"), 1);
  Got spec = w.patch("deployments", "default", "d", R"({"spec":{"replicas":2}})");
  EXPECT_EQ(spec.at("metadata.generation"), 2);
  Got labels = w.patch("deployments", "default", "d", R"({"metadata":{"labels":{"x":"y"}}})");
  EXPECT_EQ(labels.at("metadata.generation"), 2);
  Got status = w.patch("deployments", "default", "d", R"({"status":{"replicas":2}})", "status");
  ASSERT_TRUE(status) << status.message();
  EXPECT_EQ(status.at("metadata.generation"), 2);
  EXPECT_EQ(status.at("status.replicas"), 2);
  EXPECT_EQ(status.at("spec.replicas"), 2);
}

TEST(Update, KeepsStatusAndSpecApart) {
  StoreWorld w;
  w.create("deployments", "default", kDeployment);
  Got by_main = w.patch("deployments", "default", "d", R"({"status":{"replicas":7}})");
  ASSERT_TRUE(by_main);
  EXPECT_TRUE(by_main.at("status.replicas").is_null());
  Got by_status = w.patch("deployments", "default", "d",
                          R"({"spec":{"replicas":9},"status":{"replicas":1}})", "status");
  EXPECT_EQ(by_status.at("spec.replicas"), 1);
  EXPECT_EQ(by_status.at("status.replicas"), 1);
}

TEST(Scale, IsReadAndWrittenAsScale) {
  StoreWorld w;
  w.create("deployments", "default", kDeployment);
  Got scaled = w.patch("deployments", "default", "d", R"({"spec":{"replicas":5}})", "scale");
  ASSERT_TRUE(scaled) << scaled.message();
  EXPECT_EQ(scaled.at("spec.replicas"), 5);
  EXPECT_EQ(scaled.text("status.selector"), "a=b");
  EXPECT_EQ(w.get("deployments", "default", "d").at("spec.replicas"), 5);
  wire::RequestT read = StoreWorld::request(wire::Verb::Get, "deployments", "default", "d");
  read.operations[0]->subresource = "scale";
  EXPECT_EQ(w.call(std::move(read)).at("spec.replicas"), 5);
  EXPECT_EQ(w.get("deployments", "default", "d").at("metadata.generation"), 2);
}

Got patch_as(StoreWorld& w, wire::PatchType type, std::string_view resource, std::string_view name,
             std::string_view text, wire::FieldValidation mode = wire::FieldValidation::Warn) {
  wire::RequestT r = StoreWorld::request(wire::Verb::Patch, resource, "default", name);
  r.operations[0]->patch_type = type;
  r.operations[0]->patch.assign(text.begin(), text.end());
  r.operations[0]->field_validation = mode;
  return w.call(std::move(r));
}

TEST(Patch, OfEveryType) {
  StoreWorld w;
  w.create("deployments", "default", kDeployment);
  Got json = patch_as(w, wire::PatchType::Json, "deployments", "d",
                      R"([{"op":"replace","path":"/spec/replicas","value":3}])");
  EXPECT_EQ(json.at("spec.replicas"), 3) << json.message();
  Got strategic =
      patch_as(w, wire::PatchType::Strategic, "deployments", "d",
               R"({"spec":{"template":{"spec":{"containers":[{"name":"e","image":"y"}]}}}})");
  ASSERT_TRUE(strategic) << strategic.message();
  EXPECT_EQ(strategic.at("spec.template.spec.containers").as_array().size(), 2u);
  Got merge = patch_as(w, wire::PatchType::Merge, "deployments", "d",
                       R"({"metadata":{"annotations":{"k":"v"}}})");
  EXPECT_EQ(merge.text("metadata.annotations.k"), "v");
}

TEST(Patch, OfWhoOwnsWhatSeesItAsClientsDo) {
  StoreWorld w;
  w.create("configmaps", "default", R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  const char* path = "/metadata/managedFields/0/fieldsV1/f:data/f:k";
  std::string text = R"([{"op":"test","path":")" + std::string(path) +
                     R"(","value":{}},{"op":"remove","path":")" + path + R"("}])";
  Got got = patch_as(w, wire::PatchType::Json, "configmaps", "a", text);
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(json::serialize(got.at("metadata.managedFields").at(0).at("fieldsV1")),
            R"({"f:data":{}})");
  got = patch_as(w, wire::PatchType::Merge, "configmaps", "a",
                 R"({"metadata":{"managedFields":[{}]}})");
  ASSERT_TRUE(got) << got.message();
  EXPECT_TRUE(got.at("metadata.managedFields").is_null());
}

TEST(Patch, SaysWhatIsWrongWithIt) {
  StoreWorld w;
  w.create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  EXPECT_EQ(patch_as(w, wire::PatchType::Merge, "configmaps", "a", "{").code(), Code::kBadRequest);
  EXPECT_EQ(patch_as(w, wire::PatchType::Merge, "configmaps", "a", "[]").code(), Code::kBadRequest);
  EXPECT_EQ(patch_as(w, wire::PatchType::None, "configmaps", "a", "{}").code(), Code::kBadRequest);
  EXPECT_EQ(patch_as(w, wire::PatchType::Merge, "configmaps", "a", R"({"kind":"Pod"})").code(),
            Code::kInvalid);
  EXPECT_EQ(patch_as(w, wire::PatchType::Json, "configmaps", "a",
                     R"([{"op":"replace","path":"","value":3}])")
                .code(),
            Code::kInvalid);
  EXPECT_EQ(patch_as(w, wire::PatchType::Merge, "configmaps", "zz", "{}").code(), Code::kNotFound);
  Got stale = patch_as(w, wire::PatchType::Merge, "configmaps", "a",
                       R"({"metadata":{"resourceVersion":"1"},"data":{"a":"b"}})");
  EXPECT_EQ(stale.code(), Code::kConflict);
}

TEST(Patch, JudgesUnknownFieldsAsAsked) {
  StoreWorld w;
  w.create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  const char* typo = R"({"dat":{"a":"b"}})";
  Got strict =
      patch_as(w, wire::PatchType::Merge, "configmaps", "a", typo, wire::FieldValidation::Strict);
  EXPECT_EQ(strict.code(), Code::kInvalid);
  EXPECT_NE(strict.message().find("strict decoding error: unknown field \"dat\""),
            std::string::npos);
  Got warned = patch_as(w, wire::PatchType::Merge, "configmaps", "a", typo);
  ASSERT_TRUE(warned);
  ASSERT_EQ(warned.outcome.warnings.size(), 1u);
  EXPECT_EQ(warned.outcome.warnings[0], "unknown field \"dat\"");
  Got ignored =
      patch_as(w, wire::PatchType::Merge, "configmaps", "a", typo, wire::FieldValidation::Ignore);
  ASSERT_TRUE(ignored);
  EXPECT_TRUE(ignored.outcome.warnings.empty());
}

TEST(Patch, TellsProblemsOfTheTranslator) {
  StoreWorld w;
  wire::RequestT r = StoreWorld::request(wire::Verb::Create, "configmaps", "default", "a");
  r.operations[0]->object = StoreWorld::encode("configmaps", parse(R"({"metadata":{"name":"a"}})"));
  r.operations[0]->problems = {"unknown field \"x\"", "duplicate field \"y\""};
  r.operations[0]->field_validation = wire::FieldValidation::Strict;
  Got got = w.call(std::move(r));
  EXPECT_EQ(got.message(), "strict decoding error: unknown field \"x\", duplicate field \"y\"");
}

Got apply(StoreWorld& w, std::string_view name, std::string_view text, const char* manager,
          bool force = false) {
  wire::RequestT r = StoreWorld::request(wire::Verb::Apply, "configmaps", "default", name);
  r.operations[0]->patch.assign(text.begin(), text.end());
  r.operations[0]->field_manager = manager;
  r.operations[0]->force = force;
  return w.call(std::move(r));
}

TEST(Apply, CreatesOwnsAndConflicts) {
  StoreWorld w;
  const char* one =
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1"}})";
  const char* two =
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"2"}})";
  Got created = apply(w, "a", one, "m1");
  ASSERT_TRUE(created) << created.message();
  EXPECT_TRUE(created.outcome.created);
  Got same = apply(w, "a", one, "m1");
  ASSERT_TRUE(same) << same.message();
  EXPECT_FALSE(same.outcome.created);
  EXPECT_EQ(same.revision(), created.revision());
  Got refused = apply(w, "a", two, "m2");
  EXPECT_EQ(refused.code(), Code::kConflict);
  ASSERT_EQ(refused.status.error().causes.size(), 1u);
  EXPECT_EQ(refused.status.error().causes[0].reason, "FieldManagerConflict");
  EXPECT_EQ(refused.status.error().causes[0].field, ".data.k");
  Got forced = apply(w, "a", two, "m2", true);
  ASSERT_TRUE(forced) << forced.message();
  EXPECT_EQ(forced.text("data.k"), "2");
  Got dropped = apply(w, "a", R"({"apiVersion":"v1","kind":"ConfigMap"})", "m2");
  ASSERT_TRUE(dropped) << dropped.message();
  EXPECT_TRUE(dropped.at("data.k").is_null());
}

TEST(Apply, RefusesWhatIsNoConfiguration) {
  StoreWorld w;
  EXPECT_EQ(apply(w, "a", R"({"apiVersion":"v1","kind":"ConfigMap","nope":1})", "m").code(),
            Code::kInternal);
  EXPECT_EQ(apply(w, "a", R"({"kind":"ConfigMap"})", "m").code(), Code::kBadRequest);
  EXPECT_EQ(apply(w, "a", R"([])", "m").code(), Code::kBadRequest);
  EXPECT_EQ(apply(w, "a", R"({"apiVersion":"v1","kind":"ConfigMap"})", "").code(),
            Code::kBadRequest);
  EXPECT_EQ(
      apply(w, "a", R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"managedFields":[{}]}})",
            "m")
          .code(),
      Code::kBadRequest);
  EXPECT_EQ(apply(w, "a", R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}})", "m")
                .code(),
            Code::kBadRequest);
}

TEST(DryRun, AnswersAndChangesNothing) {
  StoreWorld w;
  uint64_t before = w.get("namespaces", "", "default").revision();
  wire::RequestT r = StoreWorld::request(wire::Verb::Create, "services", "default", "s");
  r.dry_run = true;
  r.operations[0]->object = StoreWorld::encode(
      "services", parse(R"({"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}})"));
  Got got = w.call(std::move(r));
  ASSERT_TRUE(got) << got.message();
  EXPECT_NE(got.text("spec.clusterIP"), "");
  EXPECT_EQ(got.text("metadata.resourceVersion"), "");
  EXPECT_EQ(w.get("services", "default", "s").code(), Code::kNotFound);
  EXPECT_EQ(w.get("namespaces", "", "default").revision(), before);
  // The address is free again.
  std::string address = got.text("spec.clusterIP");
  json::value taken = parse(R"({"metadata":{"name":"t"},"spec":{"ports":[{"port":80}]}})");
  taken.at("spec").as_object()["clusterIP"] = address;
  EXPECT_TRUE(w.create("services", "default", json::serialize(taken)));
}

TEST(Allocation, IsExact) {
  StoreWorld w;
  const char* service = R"({"metadata":{"generateName":"s-"},"spec":{"ports":[{"port":80}]}})";
  Got a = w.create("services", "default", service), b = w.create("services", "default", service);
  ASSERT_TRUE(a && b) << a.message() << b.message();
  EXPECT_NE(a.text("spec.clusterIP"), b.text("spec.clusterIP"));
  w.restart();
  json::value taken = parse(R"({"metadata":{"name":"t"},"spec":{"ports":[{"port":80}]}})");
  taken.at("spec").as_object()["clusterIP"] = a.text("spec.clusterIP");
  EXPECT_EQ(w.create("services", "default", json::serialize(taken)).code(), Code::kInvalid);
  ASSERT_TRUE(w.remove("services", "default", a.text("metadata.name")));
  EXPECT_TRUE(w.create("services", "default", json::serialize(taken)));
}

TEST(Allocation, GivesNodesTheirCidr) {
  StoreWorld w;
  Got a = w.create_node("n1"), b = w.create_node("n2");
  ASSERT_TRUE(a && b) << a.message() << b.message();
  EXPECT_EQ(a.text("spec.podCIDR"), "10.244.0.0/24");
  EXPECT_EQ(b.text("spec.podCIDR"), "10.244.1.0/24");
}

wire::RequestT two_creates(bool atomic) {
  wire::RequestT r = StoreWorld::request(wire::Verb::Create, "configmaps", "default", "a");
  r.atomic = atomic;
  r.operations[0]->object = StoreWorld::encode("configmaps", parse(R"({"metadata":{"name":"a"}})"));
  auto second = StoreWorld::request(wire::Verb::Create, "configmaps", "nowhere", "b");
  second.operations[0]->object =
      StoreWorld::encode("configmaps", parse(R"({"metadata":{"name":"b"}})"));
  r.operations.push_back(std::move(second.operations[0]));
  return r;
}

TEST(Atomic, IsAllOrNothing) {
  StoreWorld w;
  Got got = w.call(two_creates(true));
  EXPECT_EQ(got.code(), Code::kNotFound);
  EXPECT_EQ(got.message().find("operation 1 of this request failed"), 0u);
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
  ASSERT_TRUE(w.call(two_creates(false)));
  EXPECT_TRUE(w.get("configmaps", "default", "a"));
}

TEST(Secrets, NeverRideOnEvents) {
  StoreWorld w;
  Got got = w.create("secrets", "default", R"({"metadata":{"name":"s"},"data":{"k":"aGlkZGVu"}})");
  ASSERT_TRUE(got) << got.message();
  wire::RequestT r = StoreWorld::request(wire::Verb::History, "secrets", "default", "s");
  Got history = w.call(std::move(r));
  ASSERT_EQ(history.outcome.events.size(), 1u);
  const auto& bytes = history.outcome.events[0]->bytes;
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()).find("hidden"), std::string::npos);
  EXPECT_EQ(w.get("secrets", "default", "s").text("data.k"), "aGlkZGVu");
}

}  // namespace
}  // namespace kubus::store::testing
