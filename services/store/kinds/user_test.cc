#include <gtest/gtest.h>

#include "services/store/kinds/testing.h"

namespace kubus::store::kinds {
namespace {

constexpr const char* kHash = "$2b$04$KBCwKxOzLha2MUDgW0PjXe/hE/UCO9qF89dOydoHjSwxcHev5LRn.";

std::string complaint(json::array may, std::string_view hash) {
  World w;
  auto made = w.create(
      World::kind("kubus.io", "User"),
      {{"metadata", {{"name", "shipper"}}}, {"spec", {{"may", may}, {"passwordHash", hash}}}});
  if (made) return "";
  return made.error().causes.empty() ? made.error().message : made.error().causes[0].field;
}

TEST(User, RightsMeanSomething) {
  EXPECT_EQ(complaint({"watch:pods", "admission:images"}, kHash), "");
  EXPECT_EQ(complaint({}, ""), "");
  EXPECT_EQ(complaint({"watch:pods", "rule:pods"}, kHash), "spec.may[1]");
  EXPECT_EQ(complaint({"get:users"}, kHash), "spec.may[0]");
  EXPECT_EQ(complaint({"watch:pods/\"], x: [\""}, kHash), "spec.may[0]");
}

TEST(User, PasswordsAreHashes) {
  std::string hash = kHash;
  EXPECT_EQ(complaint({}, "secret"), "spec.passwordHash");
  EXPECT_EQ(complaint({}, hash + "x"), "spec.passwordHash");
  hash[20] = '"';
  EXPECT_EQ(complaint({}, hash), "spec.passwordHash");
}

}  // namespace
}  // namespace kubus::store::kinds
