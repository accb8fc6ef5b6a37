#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "schemas/lib/codec/codec.h"

namespace kubus::codec {
namespace {

std::vector<std::string> duplicates(std::string_view text) {
  std::vector<Problem> problems;
  auto v = parse_json(text, &problems);
  EXPECT_TRUE(v.ok()) << text;
  std::vector<std::string> out;
  for (const Problem& p : problems) out.push_back(p.message);
  return out;
}

std::string refusal(std::string_view text) {
  auto v = parse_json(text, nullptr);
  if (v.ok()) return "accepted";
  EXPECT_EQ(v.error().code, Code::kBadRequest);
  return v.error().message;
}

TEST(ParseJson, KeepsTheLastOfDuplicatesAndNamesTheirPath) {
  std::vector<Problem> problems;
  auto v = parse_json(R"({"a":1,"b":2,"a":3})", &problems);
  ASSERT_TRUE(v.ok());
  EXPECT_EQ(v->at("a"), 3);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].message, R"(duplicate field "a")");
  using Messages = std::vector<std::string>;
  EXPECT_EQ(duplicates(R"({"spec":{"c":[{"n":1},{"n":1,"n":2}]}})"),
            Messages{R"(duplicate field "spec.c[1].n")"});
  EXPECT_EQ(duplicates(R"({"a":[[{}],[{},{"x":0,"x":0}]]})"),
            Messages{R"(duplicate field "a[1][1].x")"});
  EXPECT_EQ(duplicates(R"({"a":1,"a":1,"a":1})").size(), 2u);
  EXPECT_EQ(duplicates(R"({"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]})"), Messages{});
  EXPECT_EQ(duplicates("{\"a\":1,\"\\u0061\":1}"), Messages{R"(duplicate field "a")"});
}

TEST(ParseJson, FindsDuplicatesAmongMany) {
  std::string text = "{";
  for (int i = 0; i < 3000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(duplicates(text + "\"z\":0}").size(), 0u);
  EXPECT_EQ(duplicates(text + "\"k7\":0,\"k2999\":0}").size(), 2u);
}

TEST(ParseJson, DuplicatesNeedNoListener) {
  auto v = parse_json(R"({"a":1,"a":2})", nullptr);
  ASSERT_TRUE(v.ok());
  EXPECT_EQ(v->at("a"), 2);
}

TEST(ParseJson, NamesTheOffset) {
  EXPECT_EQ(refusal(R"({"a":1,})").substr(0, 25), "malformed JSON at byte 7:");
  EXPECT_EQ(refusal(R"({"a" 1})").substr(0, 25), "malformed JSON at byte 5:");
  EXPECT_EQ(refusal("{} x").substr(0, 25), "malformed JSON at byte 3:");
  EXPECT_EQ(refusal("{}{}").substr(0, 25), "malformed JSON at byte 2:");
}

TEST(ParseJson, RefusesWhatIsNone) {
  for (std::string_view bad :
       {std::string_view(""), std::string_view(" "), std::string_view("{"), std::string_view("[1,"),
        std::string_view("\"a"), std::string_view("nul"), std::string_view("01"),
        std::string_view("+1"), std::string_view("1."), std::string_view("NaN"),
        std::string_view("{'a':1}"), std::string_view("{a:1}"), std::string_view("[1] // no"),
        std::string_view("\"\t\""), std::string_view("\"\\ud800\""), std::string_view("\"\xff\""),
        std::string_view("\"\xc0\xaf\""), std::string_view("{}\0", 3)}) {
    EXPECT_NE(refusal(bad), "accepted") << bad;
  }
}

TEST(ParseJson, AcceptsAnyValueAtTheTopAndSpaceAround) {
  for (const char* good : {"1", "null", "\"x\"", "[]", " \r\n\t{ } \n"}) {
    EXPECT_EQ(refusal(good), "accepted") << good;
  }
}

TEST(ParseJson, LimitsDepth) {
  auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_EQ(refusal(nested(200)), "accepted");
  EXPECT_NE(refusal(nested(201)), "accepted");
  EXPECT_NE(refusal(std::string(1'000'000, '[')), "accepted");
  EXPECT_NE(refusal(std::string(1'000'000, '{')), "accepted");
}

TEST(ParseJson, NumbersKeepTheirKind) {
  auto v = parse_json("[9223372036854775807,18446744073709551615,1e3,-0,1.5,36893488147419103232]",
                      nullptr);
  ASSERT_TRUE(v.ok());
  EXPECT_TRUE(v->at(0).is_int64());
  EXPECT_TRUE(v->at(1).is_uint64());
  EXPECT_TRUE(v->at(2).is_double());
  EXPECT_EQ(v->at(4).get_double(), 1.5);
  EXPECT_EQ(v->at(5).get_double(), 36893488147419103232.0);
}

}  // namespace
}  // namespace kubus::codec
