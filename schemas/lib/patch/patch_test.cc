#include "schemas/lib/patch/patch.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace kubus::patch {
namespace {

json::value V(std::string_view text) {
  return json::parse(text);
}

json::value patched(std::string_view doc, std::string_view operations) {
  json::value v = V(doc);
  Status s = json_patch(v, V(operations));
  EXPECT_TRUE(s) << (s ? "" : s.error().message);
  return v;
}

Error refused(std::string_view doc, std::string_view operations) {
  json::value v = V(doc);
  Status s = json_patch(v, V(operations));
  EXPECT_FALSE(s);
  EXPECT_EQ(v, V(doc)) << "a refused patch must change nothing";
  return s ? Error() : s.error();
}

TEST(JsonPatch, AddsRemovesReplaces) {
  EXPECT_EQ(patched(R"({"a":1})",
                    R"([{"op":"add","path":"/b","value":[1]},{"op":"add","path":"/b/0","value":0},
      {"op":"add","path":"/b/-","value":2},{"op":"remove","path":"/a"},{"op":"replace","path":"/b/1","value":"x"}])"),
            V(R"({"b":[0,"x",2]})"));
  EXPECT_EQ(patched("1", R"([{"op":"add","path":"","value":{"n":2}}])"), V(R"({"n":2})"));
}

TEST(JsonPatch, EscapesInPointers) {
  EXPECT_EQ(
      patched(R"({"a/b":1,"c~d":2})",
              R"([{"op":"remove","path":"/a~1b"},{"op":"replace","path":"/c~0d","value":3}])"),
      V(R"({"c~d":3})"));
  EXPECT_EQ(refused("{}", R"([{"op":"add","path":"/a~2","value":1}])").code, Code::kBadRequest);
}

TEST(JsonPatch, MovesCopiesTests) {
  EXPECT_EQ(patched(R"({"a":{"x":1}})",
                    R"([{"op":"test","path":"/a/x","value":1},{"op":"copy","from":"/a","path":"/b"},
      {"op":"move","from":"/a/x","path":"/c"}])"),
            V(R"({"a":{},"b":{"x":1},"c":1})"));
}

TEST(JsonPatch, RefusalsNameTheOperationAndChangeNothing) {
  Error e =
      refused(R"({"a":1})",
              R"([{"op":"replace","path":"/a","value":2},{"op":"test","path":"/a","value":1}])");
  EXPECT_EQ(e.code, Code::kInvalid);
  EXPECT_NE(e.message.find("operation 1"), std::string::npos) << e.message;
  EXPECT_EQ(refused("{}", R"([{"op":"remove","path":"/a"}])").code, Code::kInvalid);
  EXPECT_EQ(refused("[1]", R"([{"op":"add","path":"/2","value":1}])").code, Code::kInvalid);
  EXPECT_EQ(refused("[1]", R"([{"op":"remove","path":"/00"}])").code, Code::kInvalid);
  EXPECT_EQ(refused(R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b/c"}])").code,
            Code::kInvalid);
  EXPECT_EQ(refused("{}", R"([{"op":"fly","path":"/a","value":1}])").code, Code::kBadRequest);
  EXPECT_EQ(refused("{}", R"([{"op":"add","path":"a","value":1}])").code, Code::kBadRequest);
  EXPECT_EQ(refused("{}", R"([{"op":"add","path":"/a"}])").code, Code::kBadRequest);
  EXPECT_EQ(refused("{}", R"([7])").code, Code::kBadRequest);
  EXPECT_EQ(refused("{}", R"({"op":"add"})").code, Code::kBadRequest);
}

TEST(MergePatch, FollowsTheRfc) {
  struct {
    const char *doc, *patch, *result;
  } cases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {"[1,2]", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {"{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
      {R"({"a":1})", "[1]", "[1]"},
  };
  for (const auto& c : cases) {
    json::value v = V(c.doc);
    merge_patch(v, V(c.patch));
    EXPECT_EQ(v, V(c.result)) << c.doc << " + " << c.patch << " = " << json::serialize(v);
  }
}

}  // namespace
}  // namespace kubus::patch
