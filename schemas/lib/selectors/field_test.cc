#include <gtest/gtest.h>

#include <map>

#include "schemas/lib/selectors/selectors.h"

namespace kubus::selectors {
namespace {

bool matches(std::string_view selector) {
  static const std::map<std::string, std::string, std::less<>> kFields = {
      {"metadata.name", "x"}, {"status.phase", "Running"}, {"odd", "a,b=c\\"}};
  Result<FieldSelector> s = FieldSelector::parse(selector);
  EXPECT_TRUE(s) << selector << ": " << (s ? "" : s.error().message);
  return s && s->matches([](std::string_view key) -> std::optional<std::string_view> {
    auto it = kFields.find(key);
    return it == kFields.end() ? std::nullopt : std::optional<std::string_view>(it->second);
  });
}

TEST(FieldSelector, Matches) {
  for (const char* yes : {"", "metadata.name=x", "metadata.name==x", "status.phase!=Failed",
                          "spec.nodeName=", "metadata.name=x,status.phase=Running",
                          "odd=a\\,b\\=c\\\\", "absent!=x", ",metadata.name=x,"}) {
    EXPECT_TRUE(matches(yes)) << yes;
  }
  for (const char* no :
       {"metadata.name=y", "metadata.name!=x", "metadata.name=x,status.phase=Failed", "absent=x"}) {
    EXPECT_FALSE(matches(no)) << no;
  }
}

TEST(FieldSelector, RefusesWithPosition) {
  for (const char* bad : {"a", "=b", "a!b", "a=b=c", "a=\\x", "a=b\\"}) {
    Result<FieldSelector> s = FieldSelector::parse(bad);
    ASSERT_FALSE(s) << bad;
    EXPECT_EQ(s.error().code, Code::kBadRequest);
    EXPECT_NE(s.error().message.find("position"), std::string::npos) << bad;
  }
}

TEST(FieldSelector, PrintsWhatItParses) {
  for (const char* text : {"a=b", "a!=b,c=d", "a=x\\,y", "a="})
    EXPECT_EQ(FieldSelector::parse(text)->str(), text);
}

}  // namespace
}  // namespace kubus::selectors
