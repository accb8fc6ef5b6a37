#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <map>

#include "schemas/lib/selectors/selectors.h"

namespace kubus::selectors {
namespace {

using Labels = std::map<std::string, std::string, std::less<>>;

Lookup in(const Labels& labels) {
  return [&labels](std::string_view key) -> std::optional<std::string_view> {
    auto it = labels.find(key);
    return it == labels.end() ? std::nullopt : std::optional<std::string_view>(it->second);
  };
}

bool matches(std::string_view selector, const Labels& labels) {
  Result<LabelSelector> s = LabelSelector::parse(selector);
  EXPECT_TRUE(s) << selector << ": " << (s ? "" : s.error().message);
  return s && s->matches(in(labels));
}

TEST(LabelSelector, Operators) {
  Labels l = {{"a", "b"}, {"n", "5"}, {"e", ""}};
  for (const char* yes :
       {"", "a", "a=b", "a==b", " a = b ", "a!=c", "z!=c", "!z", "a in (b,c)", "a in(c , b)",
        "z notin (b)", "n>4", "n<6", "a=b,n,!z", "e=", "e in ()", "a notin (x)"}) {
    EXPECT_TRUE(matches(yes, l)) << yes;
  }
  for (const char* no :
       {"z", "a=c", "a!=b", "!a", "a in (c)", "a notin (b)", "n>5", "a>1", "z>1", "a=b,z", "a="}) {
    EXPECT_FALSE(matches(no, l)) << no;
  }
}

TEST(LabelSelector, RefusesWithPosition) {
  for (const char* bad : {"a b", "=b", "a=b,", "a in b", "a in (b", "a in", "!", "a=b=c", "a>x",
                          ",", "a,,b", "(a)", "a b/c", "-a", "a=b c", "a=-", "a!b"}) {
    Result<LabelSelector> s = LabelSelector::parse(bad);
    ASSERT_FALSE(s) << bad;
    EXPECT_EQ(s.error().code, Code::kBadRequest);
    EXPECT_NE(s.error().message.find("position"), std::string::npos);
  }
  EXPECT_NE(LabelSelector::parse("aa,b c").error().message.find("position 6"), std::string::npos);
}

TEST(LabelSelector, PrintsWhatItParses) {
  for (const char* text : {"a=b", "a!=b", "a", "!a", "a in (b,c)", "a notin (b,c)", "a>1,b<2",
                           "a=b,c=d", "a=", "x/y=z"}) {
    EXPECT_EQ(LabelSelector::parse(text)->str(), text);
  }
  EXPECT_EQ(LabelSelector::parse("a in (c,b,c)")->str(), "a in (b,c)");
  EXPECT_TRUE(LabelSelector::parse("")->everything());
}

TEST(LabelSelector, FromValue) {
  auto v = [](const char* t) { return boost::json::parse(t); };
  Labels l = {{"a", "b"}};
  EXPECT_FALSE(LabelSelector::from_value(nullptr)->matches(in(l)));
  EXPECT_FALSE(LabelSelector::from_value(nullptr)->everything());
  EXPECT_TRUE(LabelSelector::from_value(v("{}"))->everything());
  EXPECT_TRUE(LabelSelector::from_value(v(R"({"matchLabels":{"a":"b"}})"))->matches(in(l)));
  EXPECT_TRUE(LabelSelector::from_value(
                  v(R"({"matchExpressions":[{"key":"a","operator":"In","values":["c","b"]},
      {"key":"z","operator":"DoesNotExist"}]})"))
                  ->matches(in(l)));
  for (const char* bad :
       {R"({"matchExpressions":[{"key":"a","operator":"In"}]})",
        R"({"matchExpressions":[{"key":"a","operator":"Exists","values":["x"]}]})",
        R"({"matchExpressions":[{"key":"a","operator":"Nope"}]})",
        R"({"matchExpressions":[{"key":"a b","operator":"Exists"}]})",
        R"({"matchExpressions":[{"key":"a","operator":"In","values":["b,c"]}]})",
        R"({"matchLabels":{"a":"b c"}})", R"({"matchLabels":{"a b":"c"}})",
        R"({"matchLabels":{"a":1}})"}) {
    EXPECT_FALSE(LabelSelector::from_value(v(bad))) << bad;
  }
}

}  // namespace
}  // namespace kubus::selectors
