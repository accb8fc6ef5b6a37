#include "bus/grants.h"

#include <gtest/gtest.h>

namespace kubus::bus {
namespace {

const schema::KindInfo& kind(std::string_view word) {
  return *schema::Registry::get().by_user_word(word);
}

std::string complaint(std::string_view text) {
  auto grant = parse_grant(text);
  return grant ? "" : grant.error().message;
}

TEST(Grants, WhatTheyCover) {
  auto pods = *parse_grant("watch:pods");
  EXPECT_TRUE(pods.covers(kind("pods"), "", ""));
  EXPECT_TRUE(pods.covers(kind("pods"), "shop", "web"));
  EXPECT_FALSE(pods.covers(kind("nodes"), "", ""));
  auto shop = *parse_grant("write:pods/shop");
  EXPECT_TRUE(shop.covers(kind("pods"), "shop", "web"));
  EXPECT_FALSE(shop.covers(kind("pods"), "", "")) << "all namespaces are more than one";
  EXPECT_FALSE(shop.covers(kind("pods"), "shopping", "web"));
  auto web = *parse_grant("get:deployments.apps/shop/web");
  EXPECT_TRUE(web.covers(kind("deployments"), "shop", "web"));
  EXPECT_FALSE(web.covers(kind("deployments"), "shop", ""));
  auto node = *parse_grant("watch:nodes/n1");
  EXPECT_TRUE(node.covers(kind("nodes"), "", "n1"));
  EXPECT_FALSE(node.covers(kind("nodes"), "", "n2"));
}

TEST(Grants, AllIsWhatIsNotConfidential) {
  auto all = *parse_grant("watch:*");
  EXPECT_TRUE(all.covers(kind("pods"), "", ""));
  EXPECT_FALSE(all.covers(kind("secrets"), "", ""));
  EXPECT_FALSE(all.covers(kind("users.kubus.io"), "", ""));
  EXPECT_EQ(all.lane(), LaneId());
}

TEST(Grants, Lanes) {
  EXPECT_EQ(parse_grant("watch:deploy/shop")->lane().str(), "deployments.apps/shop");
  EXPECT_EQ(parse_grant("watch:pods/shop/web")->lane().str(), "pods./shop/web");
  EXPECT_EQ(parse_grant("watch:nodes/n1")->lane(), (LaneId{"", "nodes", "", "n1", ""}));
}

TEST(Grants, AdmissionsHaveANameAndCoverNothing) {
  auto grant = *parse_grant("admission:images.example");
  EXPECT_EQ(grant.name, "images.example");
  EXPECT_FALSE(grant.covers(kind("pods"), "", ""));
}

TEST(Grants, WhatIsNone) {
  for (const char* text : {"",
                           "pods",
                           "watch",
                           "watch:",
                           "rule:pods",
                           "watch:podz",
                           "watch:pods/",
                           "watch:pods/a/",
                           "watch:pods/a/b/c",
                           "watch:pods/a b",
                           "watch:pods/*",
                           "watch:pods/>",
                           "watch:nodes/a/b",
                           "watch:*/shop",
                           "write:*",
                           "get:users",
                           "watch:users.kubus.io",
                           "history:user/a",
                           "write:serviceaccounts",
                           "write:sa/shop",
                           "admission:",
                           "admission:a b",
                           "admission:>",
                           "get:bindings",
                           "watch:pods/\"",
                           "watch:pods/a\n"}) {
    EXPECT_NE(complaint(text), "") << text;
  }
  EXPECT_EQ(complaint("get:secrets/shop/password"), "");
  EXPECT_EQ(complaint("watch:serviceaccounts"), "");
  EXPECT_EQ(complaint("history:*"), "");
}

}  // namespace
}  // namespace kubus::bus
