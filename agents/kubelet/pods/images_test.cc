#include "agents/kubelet/pods/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/kubelet/testing.h"

namespace kubus::kubelet {
namespace {

using testing::HasSubstr;

Object secret(const std::string& key, const std::string& base64) {
  return object_of("secrets",
                   R"({"metadata":{"name":"s"},"data":{")" + key + R"(":")" + base64 + R"("}})");
}

TEST(Images, NamesAreTakenApart) {
  struct Case {
    const char *name, *registry, *repository, *tag;
  };
  for (const Case& c : {Case{"web", "docker.io", "library/web", "latest"},
                        Case{"team/web:2", "docker.io", "team/web", "2"},
                        Case{"localhost/web", "localhost", "web", "latest"},
                        Case{"127.0.0.1:5000/a/b_c:v1.2", "127.0.0.1:5000", "a/b_c", "v1.2"},
                        Case{"kubus.local/web:1", "kubus.local", "web", "1"}}) {
    auto name = parse_image(c.name);
    ASSERT_TRUE(name) << c.name;
    EXPECT_EQ(name->registry, c.registry);
    EXPECT_EQ(name->repository, c.repository);
    EXPECT_EQ(name->tag, c.tag);
  }
  auto digest = parse_image("r.io/a@sha256:" + std::string(64, 'a'));
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->tag, "");
}

TEST(Images, WhatIsNoNameIsRefused) {
  for (const char* name : {"", "Web", "a//b", "/a", "a/", "a:", "a:b c", "a@sha256:xyz", "a b",
                           "a@", "-a", "r.io/A", "http://a/b"})
    EXPECT_FALSE(parse_image(name)) << name;
  EXPECT_FALSE(parse_image(std::string(300, 'a')));
}

TEST(Images, TheClosestCredentialsComeFirst) {
  // {"auths":{"r.io":{"auth":"dTpw"},"https://r.io/team/":{"username":"t","password":"q"},
  //  "other.io":{"auth":"dTpw"},"*.io":{"identitytoken":"i"}}}
  Object s = secret(".dockerconfigjson",
                    "eyJhdXRocyI6eyJyLmlvIjp7ImF1dGgiOiJkVHB3In0sImh0dHBzOi8vci5pby90ZWFtLyI6eyJ1"
                    "c2VybmFtZSI6InQiLCJwYXNzd29yZCI6InEifSwib3RoZXIuaW8iOnsiYXV0aCI6ImRUcHcifSwi"
                    "Ki5pbyI6eyJpZGVudGl0eXRva2VuIjoiaSJ9fX0=");
  auto found = credentials_for(*parse_image("r.io/team/web:1"), {s});
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].user, "t");
  EXPECT_EQ(found[0].password, "q");
  EXPECT_EQ(found[1].user + ":" + found[1].password, "u:p");
  EXPECT_EQ(found[2].identity_token, "i");
  EXPECT_EQ(credentials_for(*parse_image("r.io/teams/web:1"), {s}).size(), 2u);
  EXPECT_EQ(credentials_for(*parse_image("a.r.io/web"), {s}).size(), 0u);
}

TEST(Images, TheOlderFormAndItsNameForDockerHub) {
  // {"https://index.docker.io/v1/":{"auth":"dTpw"}}
  Object s =
      secret(".dockercfg", "eyJodHRwczovL2luZGV4LmRvY2tlci5pby92MS8iOnsiYXV0aCI6ImRUcHcifX0=");
  EXPECT_EQ(credentials_for(*parse_image("web"), {s}).size(), 1u);
  EXPECT_EQ(credentials_for(*parse_image("r.io/web"), {s}).size(), 0u);
}

TEST(Images, MalformedSecretsHoldNothing) {
  for (const char* text :
       {"", "bm8gSlNPTg==", "W10=", "eyJhdXRocyI6W119", "eyJhdXRocyI6eyJyLmlvIjo3fX0="})
    EXPECT_TRUE(
        credentials_for(*parse_image("r.io/web"), {secret(".dockerconfigjson", text)}).empty());
}

TEST(Images, FailuresSayWhatToDo) {
  EXPECT_THAT(pull_failure("i", "401 Unauthorized", 0, {}), HasSubstr("imagePullSecrets"));
  EXPECT_THAT(pull_failure("i", "401 Unauthorized", 1, {}), HasSubstr("refuses the credentials"));
  EXPECT_THAT(pull_failure("i", "x: not found", 0, {}), HasSubstr("name and tag"));
  EXPECT_THAT(pull_failure("i", "dial tcp: refused", 0, {"s"}),
              testing::AllOf(HasSubstr("cannot reach"), HasSubstr("\"s\" does not exist")));
  EXPECT_EQ(pull_failure("i", "odd", 0, {}), "image \"i\" cannot be pulled: odd");
}

}  // namespace
}  // namespace kubus::kubelet
