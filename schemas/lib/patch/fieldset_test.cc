#include "schemas/lib/patch/fieldset.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace kubus::patch {
namespace {

json::value V(std::string_view text) {
  return json::parse(text);
}

const schema::TypeInfo& type_of(std::string_view group, std::string_view kind) {
  return *schema::Registry::get().by_kind(group, "v1", kind)->type;
}

FieldSet from(std::string_view fields) {
  return *FieldSet::from_fields_v1(V(fields));
}

TEST(FieldSet, OfNamesLeavesAndElements) {
  FieldSet set =
      FieldSet::of(type_of("apps", "Deployment"), V(R"({"apiVersion":"apps/v1","kind":"Deployment",
      "metadata":{"name":"d","namespace":"n","labels":{"a":"b"}},
      "spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},
              "template":{"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80}]}]}}}})"));
  EXPECT_EQ(
      json::serialize(set.to_fields_v1()),
      R"({"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:spec":{)"
      R"("f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:ports":{)"
      R"("k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}})");
}

TEST(FieldSet, ChangedOnCreateOwnsNewInteriorsToo) {
  FieldSet set =
      FieldSet::changed(type_of("", "ConfigMap"), nullptr,
                        V(R"({"metadata":{"name":"m","labels":{"l":"1"}},"data":{"a":"1"}})"));
  EXPECT_EQ(json::serialize(set.to_fields_v1()),
            R"({"f:data":{".":{},"f:a":{}},"f:metadata":{"f:labels":{".":{},"f:l":{}}}})");
}

TEST(FieldSet, ChangedAndRemovedTellExactlyTheDifference) {
  const schema::TypeInfo& type = type_of("", "Pod");
  json::value before =
      V(R"({"metadata":{"name":"p","uid":"1","labels":{"a":"1","b":"1"},"finalizers":["f/1"]},
      "spec":{"containers":[{"name":"x","image":"1"},{"name":"y","image":"1"}],"tolerations":[{"key":"a"}]}})");
  json::value after =
      V(R"({"metadata":{"name":"p","uid":"2","labels":{"a":"2","c":"1"},"finalizers":["f/2"]},
      "spec":{"containers":[{"name":"z","image":"1"},{"name":"x","image":"2"}],"tolerations":[{"key":"b"}]}})");
  FieldSet changed = FieldSet::changed(type, before, after);
  EXPECT_EQ(changed,
            from(R"({"f:metadata":{"f:finalizers":{"v:\"f/2\"":{}},"f:labels":{"f:a":{},"f:c":{}}},
      "f:spec":{"f:containers":{"k:{\"name\":\"x\"}":{"f:image":{}},
                                "k:{\"name\":\"z\"}":{".":{},"f:image":{},"f:name":{}}},"f:tolerations":{}}})"));
  EXPECT_EQ(FieldSet::removed(type, before, after),
            from(R"({"f:metadata":{"f:finalizers":{"v:\"f/1\"":{}},"f:labels":{"f:b":{}}},
      "f:spec":{"f:containers":{"k:{\"name\":\"y\"}":{".":{},"f:image":{},"f:name":{}}}}})"));
  EXPECT_EQ(changed.paths(100),
            (std::vector<std::string>{"metadata.finalizers[f/2]", "metadata.labels.a",
                                      "metadata.labels.c", "spec.containers[name=x].image",
                                      "spec.containers[name=z]", "spec.tolerations"}));
  EXPECT_EQ(changed.paths(2).size(), 2u);
  EXPECT_TRUE(FieldSet::changed(type, before, before).empty());
  EXPECT_TRUE(FieldSet::removed(type, before, before).empty());
}

TEST(FieldSet, ElementsWithoutKeysMakeTheListAtomic) {
  FieldSet set = FieldSet::of(type_of("", "Pod"), V(R"({"spec":{"containers":[{"image":"x"}]}})"));
  EXPECT_EQ(set, from(R"({"f:spec":{"f:containers":{}}})"));
}

TEST(FieldSet, Algebra) {
  FieldSet a = from(R"({"f:a":{},"f:b":{".":{},"f:x":{},"f:y":{}}})");
  FieldSet b = from(R"({"f:b":{"f:x":{}},"f:c":{}})");
  EXPECT_EQ(a.united(b), from(R"({"f:a":{},"f:b":{".":{},"f:x":{},"f:y":{}},"f:c":{}})"));
  EXPECT_EQ(a.without(b), from(R"({"f:a":{},"f:b":{".":{},"f:y":{}}})"));
  EXPECT_EQ(a.common(b), from(R"({"f:b":{"f:x":{}}})"));
  EXPECT_TRUE(a.without(a).empty());
  EXPECT_EQ(a.common(FieldSet()), FieldSet());
}

TEST(FieldSet, FieldsV1RoundTrip) {
  const char* text = R"({"f:a":{".":{},"k:{\"n\":1}":{".":{},"f:n":{}},"v:\"x\"":{}},"f:b":{}})";
  EXPECT_EQ(from(text).to_fields_v1(), V(text));
  EXPECT_TRUE(from("{}").empty());
  for (const char* bad : {"[]", "1", R"({"x":{}})", R"({"f:a":1})", R"({"q:a":{}})"}) {
    EXPECT_FALSE(FieldSet::from_fields_v1(V(bad))) << bad;
  }
}

TEST(FieldSet, CompactRoundTripIsSmall) {
  FieldSet set =
      from(R"({"f:metadata":{"f:labels":{".":{},"f:l":{}}},"f:data":{".":{},"f:a":{}}})");
  Buffer bytes;
  set.to_compact(&bytes);
  EXPECT_LT(bytes.size(), 40u);
  Result<FieldSet> back = FieldSet::from_compact(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, set);
}

TEST(FieldSet, OpaqueInAValueComesBackAndMalformedIsNone) {
  FieldSet set = from(R"({"f:metadata":{"f:labels":{".":{},"f:l":{}}},"f:data":{"f:a":{}}})");
  Buffer bytes;
  set.to_compact(&bytes);
  json::value v = FieldSet::opaque(bytes, {});
  auto compact = FieldSet::compact_in(v);
  ASSERT_TRUE(compact);
  EXPECT_EQ(Buffer(compact->begin(), compact->end()), bytes);
  EXPECT_EQ(*FieldSet::from_fields_v1(v), set);
  bytes.pop_back();
  EXPECT_TRUE(FieldSet::from_fields_v1(FieldSet::opaque(bytes, {}))->empty());
  EXPECT_FALSE(FieldSet::compact_in(json::value("f:data")));
  EXPECT_FALSE(FieldSet::compact_in(json::value(json::string_view("\0\x04", 2))));
  EXPECT_FALSE(FieldSet::from_fields_v1(json::value(json::string_view("\0\x04", 2))));
}

TEST(FieldSet, CompactRefusesEveryTruncationAndGarbage) {
  FieldSet set = from(R"({"f:a":{"k:{\"n\":1}":{".":{},"f:n":{}}},"f:b":{}})");
  Buffer bytes;
  set.to_compact(&bytes);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(FieldSet::from_compact(ByteView(bytes).first(n))) << n;
  }
  Buffer longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(FieldSet::from_compact(longer));
  EXPECT_FALSE(FieldSet::from_compact(Buffer{0x40, 0x00, 0x80}));
  EXPECT_FALSE(FieldSet::from_compact(Buffer{0x04, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x80}));
  Buffer deep;
  for (int i = 0; i < 1000; ++i) deep.insert(deep.end(), {0x08, 0x01, 'a'});
  EXPECT_FALSE(FieldSet::from_compact(deep));
}

}  // namespace
}  // namespace kubus::patch
