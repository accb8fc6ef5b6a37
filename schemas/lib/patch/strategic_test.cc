#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schemas/lib/patch/patch.h"

namespace kubus::patch {
namespace {

json::value V(std::string_view text) {
  return json::parse(text);
}

const schema::TypeInfo& pod_spec() {
  return *schema::Registry::get().type("kubus.core.v1.PodSpec");
}

void expect_merge(std::string_view doc, std::string_view patch, std::string_view result) {
  json::value v = V(doc);
  Status s = strategic_merge(pod_spec(), v, V(patch));
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(v, V(result)) << json::serialize(v);
}

void expect_refused(std::string_view doc, std::string_view patch, std::string_view part) {
  json::value v = V(doc);
  Status s = strategic_merge(pod_spec(), v, V(patch));
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kBadRequest);
  EXPECT_NE(s.error().message.find(part), std::string::npos) << s.error().message;
  EXPECT_EQ(v, V(doc));
}

TEST(Strategic, MergesElementsByKeyAndPutsNewOnesFirst) {
  expect_merge(
      R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}]})",
      R"({"containers":[{"name":"b","image":"2"},{"name":"n"}]})",
      R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"},{"name":"n"}]})");
  expect_merge(R"({"containers":[{"name":"a"}]})", R"({"containers":[{"name":"n"}]})",
               R"({"containers":[{"name":"n"},{"name":"a"}]})");
}

TEST(Strategic, ObeysDirectives) {
  expect_merge(R"({"containers":[{"name":"a"},{"name":"b"}]})",
               R"({"containers":[{"name":"a","$patch":"delete"}]})",
               R"({"containers":[{"name":"b"}]})");
  expect_merge(R"({"containers":[{"name":"a"}]})",
               R"({"containers":[{"$patch":"replace"},{"name":"x"}]})",
               R"({"containers":[{"name":"x"}]})");
  expect_merge(R"({"securityContext":{"runAsUser":1}})",
               R"({"securityContext":{"$patch":"replace","runAsGroup":2}})",
               R"({"securityContext":{"runAsGroup":2}})");
  expect_merge(R"({"securityContext":{"runAsUser":1}})",
               R"({"securityContext":{"$patch":"delete"}})", R"({"securityContext":{}})");
  expect_merge(R"({"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]})",
               R"({"$setElementOrder/containers":[{"name":"c"},{"name":"a"},{"name":"b"}]})",
               R"({"containers":[{"name":"c"},{"name":"a"},{"name":"b"}]})");
  expect_merge(
      R"({"volumes":[{"name":"v","emptyDir":{}}]})",
      R"({"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]})",
      R"({"volumes":[{"name":"v","hostPath":{"path":"/x"}}]})");
}

TEST(Strategic, AtomicListsAreReplacedAndNullRemoves) {
  expect_merge(R"({"tolerations":[{"key":"a"}],"nodeName":"n"})",
               R"({"tolerations":[{"key":"b"}],"nodeName":null})",
               R"({"tolerations":[{"key":"b"}]})");
  expect_merge(R"({"nodeSelector":{"a":"1"}})", R"({"nodeSelector":{"a":null,"b":"2"}})",
               R"({"nodeSelector":{"b":"2"}})");
  expect_merge("{}", R"({"securityContext":{"runAsUser":1,"runAsGroup":null}})",
               R"({"securityContext":{"runAsUser":1}})");
}

TEST(Strategic, PrimitiveListsMergeAsSets) {
  const schema::TypeInfo* meta = schema::Registry::get().type("kubus.meta.v1.ObjectMeta");
  ASSERT_NE(meta, nullptr);
  json::value v = V(R"({"finalizers":["a/x","b/x"]})");
  ASSERT_TRUE(strategic_merge(*meta, v, V(R"({"finalizers":["b/x","c/x"]})")));
  EXPECT_EQ(v.at("finalizers").as_array().size(), 3u);
  ASSERT_TRUE(
      strategic_merge(*meta, v, V(R"({"$deleteFromPrimitiveList/finalizers":["a/x","zz"]})")));
  EXPECT_EQ(v.at("finalizers").as_array().size(), 2u);
}

TEST(Strategic, RefusesWhatItCannotUnderstand) {
  expect_refused(R"({"containers":[]})", R"({"containers":[{"image":"x"}]})", "merge key name");
  expect_refused("{}", R"({"$patch":"explode"})", "explode");
  expect_refused("{}", R"({"$nonsense":1})", "$nonsense");
  expect_refused("{}", R"({"containers":[{"$patch":"delete"}]})", "merge key name");
  expect_refused(R"({"volumes":[{"name":"v"}]})",
                 R"({"volumes":[{"name":"v","$retainKeys":["name"],"emptyDir":{}}]})", "emptyDir");
  expect_refused("{}", "[]", "object");
}

}  // namespace
}  // namespace kubus::patch
