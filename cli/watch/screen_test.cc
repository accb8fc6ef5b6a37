// Frames of `kubus watch`: what fits, what is counted, what comes first.
#include "cli/watch/screen.h"

#include <gtest/gtest.h>

#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

using Style = ScreenLine::Style;

ScreenTable rows(const char* title, size_t n, size_t bad = SIZE_MAX) {
  ScreenTable t{title, {"NAME"}, {}};
  for (size_t i = 0; i < n; ++i) t.rows.push_back({{"r" + std::to_string(i)}, i == bad});
  return t;
}

std::string text(const std::vector<ScreenLine>& lines) {
  std::string out;
  for (const ScreenLine& l : lines) out += l.text + "\n";
  return out;
}

TEST(Screen, ShowsAllWithoutBounds) {
  Screen s{"shop", {rows("Nodes", 1), rows("Pods", 2, 1)}, {"a", "b"}};
  EXPECT_EQ(text(lay_out(s, 0, 0)),
            "shop\n\nNodes 1\nNAME\nr0\n\nPods 2, 1 not as they should be\nNAME\nr1\nr0\n\n"
            "Transitions\na\nb\n");
}

TEST(Screen, NeverExceedsItsSize) {
  Screen s{"a title that is long", {rows("Nodes", 3), rows("Pods", 50)}, {}};
  for (int i = 0; i < 40; ++i) s.tail.push_back("→ transition " + std::to_string(i));
  for (size_t height : {1u, 2u, 5u, 10u, 24u, 200u}) {
    auto lines = lay_out(s, 12, height);
    EXPECT_LE(lines.size(), height);
    for (const ScreenLine& l : lines) EXPECT_LE(l.text.size(), 14u);  // an arrow is three bytes
  }
  auto lines = lay_out(s, 80, 24);
  EXPECT_NE(text(lines).find("Nodes 3\n"), std::string::npos);
  EXPECT_NE(text(lines).find("not shown"), std::string::npos);
  EXPECT_EQ(lines.back().text, "→ transition 39");
}

TEST(Screen, WhatIsBadIsMarkedAndComesFirst) {
  auto lines = lay_out({"t", {rows("Pods", 20, 15)}, {}}, 80, 12);
  EXPECT_EQ(lines[4].text, "r15");
  EXPECT_EQ(lines[4].style, Style::kBad);
}

TEST(Screen, PodsAreRowsAsGetPrintsThem) {
  const auto& kind = *schema::Registry::get().by_resource("", "pods");
  auto bytes = codec::from_json(
      kind,
      R"({"metadata":{"name":"web","namespace":"shop"},"spec":{"containers":[{"name":"c","image":"i"}]},
          "status":{"phase":"Pending","containerStatuses":[{"name":"c","image":"i","imageID":"","ready":false,"restartCount":0,
          "state":{"waiting":{"reason":"ErrImagePull"}}}]}})",
      nullptr);
  ASSERT_TRUE(bytes) << bytes.error().message;
  ScreenTable t = table_of(kind, {*Object::from(kind, Payload(*std::move(bytes)))}, true, 0);
  EXPECT_EQ(t.title, "Pods");
  EXPECT_EQ(t.head[0], "NAMESPACE");
  EXPECT_EQ(t.rows[0].cells[0], "shop");
  EXPECT_EQ(t.rows[0].cells[3], "ErrImagePull");
  EXPECT_TRUE(t.rows[0].bad);
}

}  // namespace
}  // namespace kubus::cli
