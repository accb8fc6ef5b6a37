#include <gtest/gtest.h>

#include "services/store/kinds/testing.h"

namespace kubus::store::kinds {
namespace {

json::value V(std::string_view t) {
  return json::parse(t);
}

std::vector<std::string> causes(const Result<json::object>& r) {
  std::vector<std::string> out;
  if (r) return out;
  for (const Cause& c : r.error().causes) out.push_back(c.field + " " + c.reason);
  return out;
}

TEST(Meta, TheServerWritesItsOwnFields) {
  World w;
  const KindInfo& kind = World::kind("", "ConfigMap");
  Result<json::object> r = w.create(kind, V(R"({"metadata":{"name":"m","uid":"mine","generation":7,
      "creationTimestamp":"2001-01-01T00:00:00Z","deletionTimestamp":"2001-01-01T00:00:00Z"}})"));
  ASSERT_TRUE(r) << r.error().message;
  const json::object& meta = object_in(*r, "metadata");
  EXPECT_NE(text_in(meta, "uid"), "mine");
  EXPECT_EQ(text_in(meta, "uid").size(), 36u);
  EXPECT_EQ(text_in(meta, "creationTimestamp"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(text_in(meta, "namespace"), "golden");
  EXPECT_FALSE(has(meta, "deletionTimestamp"));
  EXPECT_FALSE(has(meta, "generation"));
}

TEST(Meta, GeneratedNamesDiffer) {
  World w;
  const KindInfo& kind = World::kind("", "ConfigMap");
  json::value in = V(R"({"metadata":{"generateName":"g-"}})");
  std::string a(text_in(object_in(*w.create(kind, in), "metadata"), "name"));
  std::string b(text_in(object_in(*w.create(kind, in), "metadata"), "name"));
  EXPECT_EQ(a.size(), 7u);
  EXPECT_NE(a, b);
}

TEST(Meta, DeletedObjectsGetNoNewFinalizers) {
  World w;
  const KindInfo& kind = World::kind("", "ConfigMap");
  json::object before = *w.create(kind, V(R"({"metadata":{"name":"m","finalizers":["a/b"]}})"));
  make_object(before, "metadata")["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  json::value fewer(before), more(before);
  fewer.at("metadata").as_object().erase("finalizers");
  more.at("metadata").at("finalizers").as_array().emplace_back("c/d");
  EXPECT_TRUE(w.update(kind, before, fewer));
  EXPECT_EQ(causes(w.update(kind, before, more)),
            (std::vector<std::string>{"metadata.finalizers FieldValueForbidden"}));
}

TEST(Meta, AnotherNameIsAnotherObject) {
  World w;
  const KindInfo& kind = World::kind("", "ConfigMap");
  json::object before = *w.create(kind, V(R"({"metadata":{"name":"m"}})"));
  Result<json::object> r = w.update(kind, before, V(R"({"metadata":{"name":"n"}})"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kBadRequest);
}

TEST(ConfigMap, SizeIsBounded) {
  World w;
  json::object in{{"metadata", {{"name", "m"}}},
                  {"data", {{"k", std::string(1024 * 1024 + 1, 'x')}}}};
  EXPECT_EQ(causes(w.create(World::kind("", "ConfigMap"), json::value(in))),
            (std::vector<std::string>{" FieldValueTooLong"}));
}

TEST(Secret, ImmutableMeansImmutable) {
  World w;
  const KindInfo& kind = World::kind("", "Secret");
  json::object before =
      *w.create(kind, V(R"({"metadata":{"name":"s"},"stringData":{"a":"b"},"immutable":true})"));
  json::value after(before);
  after.as_object()["stringData"] = json::object{{"a", "c"}};
  EXPECT_EQ(causes(w.update(kind, before, after)),
            (std::vector<std::string>{"data FieldValueForbidden"}));
  json::value typed(before);
  typed.as_object()["type"] = "other";
  EXPECT_EQ(causes(w.update(kind, before, typed)),
            (std::vector<std::string>{"type FieldValueInvalid"}));
}

TEST(Namespace, ItsFinalizerGoesByFinalizeAlone) {
  World w;
  const KindInfo& kind = World::kind("", "Namespace");
  json::object before = *w.create(kind, V(R"({"metadata":{"name":"n"}})"));
  EXPECT_FALSE(removable(kind, before));
  json::value without(before);
  without.at("spec").as_object().erase("finalizers");
  Result<json::object> updated = w.update(kind, before, without);
  ASSERT_TRUE(updated);
  EXPECT_FALSE(removable(kind, *updated));
  json::object finalized = without.as_object();
  ASSERT_TRUE(admit_finalize(before, finalized));
  EXPECT_TRUE(removable(kind, finalized));
  begin_delete(kind, before);
  EXPECT_EQ(text_in(object_in(before, "status"), "phase"), "Terminating");
}

TEST(Namespace, BringsWhatItsPodsNeed) {
  World w;
  const KindInfo& kind = World::kind("", "Namespace");
  json::object ns = *w.create(kind, V(R"({"metadata":{"name":"golden"}})"));
  std::vector<Companion> bare = companions(kind, ns, "");
  ASSERT_EQ(bare.size(), 1u);
  EXPECT_EQ(bare[0].ns, "golden");
  std::vector<Companion> all = companions(kind, ns, "PEM");
  ASSERT_EQ(all.size(), 2u);
  for (const Companion& c : all) EXPECT_TRUE(w.create(*c.kind, json::value(c.object)));
  EXPECT_TRUE(companions(World::kind("", "Pod"), ns, "PEM").empty());
}

TEST(Node, GetsANetworkOfItsOwnAndKeepsIt) {
  World w;
  const KindInfo& kind = World::kind("", "Node");
  json::object a = *w.create(kind, V(R"({"metadata":{"name":"a"}})"));
  json::object b = *w.create(kind, V(R"({"metadata":{"name":"b"}})"));
  EXPECT_EQ(text_in(object_in(a, "spec"), "podCIDR"), "10.244.1.0/24");
  EXPECT_EQ(text_in(object_in(b, "spec"), "podCIDR"), "10.244.2.0/24");
  json::object other = a;
  make_object(other, "spec")["podCIDR"] = "10.244.9.0/24";
  EXPECT_EQ(causes(w.update(kind, a, json::value(other))),
            (std::vector<std::string>{"spec.podCIDRs FieldValueForbidden"}));
  Result<json::object> kept =
      w.update(kind, a, V(R"({"metadata":{"name":"a"},"spec":{"unschedulable":true}})"));
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(text_in(object_in(*kept, "spec"), "podCIDR"), "10.244.1.0/24");
  Context ctx = w.context(kind);
  release(ctx, a);
  EXPECT_EQ(w.allocator.cidrs.size(), 1u);
}

TEST(Deployment, GenerationsAndSelectors) {
  World w;
  const KindInfo& kind = World::kind("apps", "Deployment");
  json::object before =
      *w.create(kind, V(R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}}})"));
  auto generation = [&](const json::value& after) {
    Result<json::object> r = w.update(kind, before, after);
    return r ? number_in(object_in(*r, "metadata"), "generation") : -1;
  };
  EXPECT_EQ(generation(json::value(before)), 1);
  json::value scaled(before), labelled(before), noted(before), moved(before);
  scaled.at("spec").as_object()["replicas"] = 3;
  labelled.at("metadata").as_object()["labels"] = json::object{{"x", "y"}};
  noted.at("metadata").as_object()["annotations"] = json::object{{"x", "y"}};
  moved.at("spec").at("selector").as_object()["matchLabels"] = json::object{{"a", "c"}};
  EXPECT_EQ(generation(scaled), 2);
  EXPECT_EQ(generation(labelled), 1);
  EXPECT_EQ(generation(noted), 2);
  EXPECT_EQ(generation(moved), -1);
}

TEST(Scale, ReadsAndWritesReplicas) {
  World w;
  const KindInfo& kind = World::kind("apps", "Deployment");
  json::object d = *w.create(
      kind, V(R"({"metadata":{"name":"d"},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}}})"));
  json::object scale = *scale_of(kind, d);
  EXPECT_EQ(number_in(object_in(scale, "spec"), "replicas"), 2);
  EXPECT_EQ(text_in(object_in(scale, "status"), "selector"), "a=b");
  make_object(scale, "spec")["replicas"] = 5;
  ASSERT_TRUE(set_scale(kind, scale, d));
  EXPECT_EQ(number_in(object_in(d, "spec"), "replicas"), 5);
  make_object(scale, "spec")["replicas"] = -1;
  EXPECT_EQ(set_scale(kind, scale, d).error().code, Code::kInvalid);
  EXPECT_EQ(scale_of(World::kind("", "Pod"), d).error().code, Code::kNotFound);
}

TEST(EndpointSlice, AddressesFitTheType) {
  World w;
  const KindInfo& kind = World::kind("discovery.k8s.io", "EndpointSlice");
  EXPECT_TRUE(w.create(
      kind,
      V(R"({"metadata":{"name":"e"},"addressType":"IPv4","endpoints":[{"addresses":["1.2.3.4"]}]})")));
  EXPECT_EQ(
      causes(w.create(
          kind,
          V(R"({"metadata":{"name":"e"},"addressType":"IPv4","endpoints":[{"addresses":["::1"]}],
      "ports":[{"name":"a"},{"name":"a"}]})"))),
      (std::vector<std::string>{"endpoints[0].addresses[0] FieldValueInvalid",
                                "ports[1].name FieldValueDuplicate"}));
}

TEST(Event, StandsWhereItsObjectDoes) {
  World w;
  const KindInfo& kind = World::kind("", "Event");
  EXPECT_TRUE(w.create(
      kind,
      V(R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","namespace":"golden","name":"p"}})")));
  EXPECT_EQ(
      causes(w.create(
          kind, V(R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","namespace":"x"}})"))),
      (std::vector<std::string>{"involvedObject.namespace FieldValueInvalid"}));
}

}  // namespace
}  // namespace kubus::store::kinds
