#include "cli/conditions.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

Object pod(const char* text) {
  const auto& kind = *schema::Registry::get().by_resource("", "pods");
  std::vector<codec::Problem> problems;
  auto bytes = codec::from_value(kind, boost::json::parse(text), &problems);
  return Object::trusted(kind, Payload(*std::move(bytes)));
}

bool holds(const char* condition, const Object& object) {
  auto test = parse_condition(condition);
  EXPECT_TRUE(test) << condition;
  return test && (*test)(object);
}

TEST(Condition, OfAnObject) {
  Object p =
      pod(R"({"metadata":{"name":"p","labels":{"a.b/c":"x"}},"status":{"phase":"Running",)"
          R"("conditions":[{"type":"Ready","status":"True"},{"type":"Bad","status":"False"}]}})");
  EXPECT_TRUE(holds("condition=Ready", p));
  EXPECT_TRUE(holds("condition=ready=TRUE", p));
  EXPECT_FALSE(holds("condition=Ready=False", p));
  EXPECT_TRUE(holds("condition=Bad=False", p));
  EXPECT_FALSE(holds("condition=Other", p));
  EXPECT_TRUE(holds("jsonpath={.status.phase}=Running", p));
  EXPECT_FALSE(holds("jsonpath={.status.phase}=Failed", p));
  EXPECT_TRUE(holds("jsonpath=.status.phase", p));
  EXPECT_FALSE(holds("jsonpath=.status.podIP", p));
  EXPECT_TRUE(holds("jsonpath={.metadata.labels['a.b/c']}=x", p));
  EXPECT_TRUE(holds("jsonpath={.status.conditions[1].type}=Bad", p));
  EXPECT_FALSE(holds("jsonpath={.status.conditions[7].type}=Bad", p));
  EXPECT_FALSE(holds("jsonpath={.status.conditions[-1].type}", p));
  EXPECT_TRUE(holds("create", p));
  EXPECT_FALSE(holds("delete", p));
}

TEST(Condition, OfWhatIsNotThere) {
  EXPECT_FALSE(holds("condition=Ready", Object()));
  EXPECT_FALSE(holds("condition=Ready=False", Object()));
  EXPECT_FALSE(holds("jsonpath=.status.phase", Object()));
  EXPECT_TRUE(holds("delete", Object()));
  EXPECT_FALSE(holds("create", Object()));
}

TEST(Condition, IsRefused) {
  for (const char* bad : {"", "Ready", "condition=", "condition=Ready=", "jsonpath=", "jsonpath={}",
                          "jsonpath=status", "jsonpath=.a[0", "jsonpath=.a..b", "deleted"}) {
    auto test = parse_condition(bad);
    ASSERT_FALSE(test) << bad;
    EXPECT_EQ(test.error().code, Code::kBadRequest);
  }
}

}  // namespace
}  // namespace kubus::cli
