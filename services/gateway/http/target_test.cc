#include <gtest/gtest.h>

#include "services/gateway/http/http.h"

namespace kubus::gateway {
namespace {

TEST(Target, PathAndQueryAreDecoded) {
  HttpRequest r;
  ASSERT_TRUE(parse_target(
      "/api/v1/namespaces/a%20b/pods/?labelSelector=a%3Db,c+in+(d)&watch=True&empty=", &r));
  EXPECT_EQ(r.path, "/api/v1/namespaces/a b/pods");
  EXPECT_EQ(r.segments.size(), 5u);
  EXPECT_EQ(r.query_value("labelSelector"), "a=b,c in (d)");
  EXPECT_TRUE(r.query_flag("watch"));
  EXPECT_TRUE(r.query_flag("empty"));
  EXPECT_FALSE(r.query_flag("absent"));
}

TEST(Target, FlagsFollowKubernetesRule) {
  HttpRequest r;
  ASSERT_TRUE(parse_target("/x?a=0&b=false&c=FALSE&d=1&e=yes", &r));
  EXPECT_FALSE(r.query_flag("a"));
  EXPECT_FALSE(r.query_flag("b"));
  EXPECT_FALSE(r.query_flag("c"));
  EXPECT_TRUE(r.query_flag("d"));
  EXPECT_TRUE(r.query_flag("e"));
}

TEST(Target, MalformedEscapesAreRefused) {
  for (const char* target : {"/a%", "/a%4", "/a%zz", "/a?b=%", "/a?%4=b"}) {
    HttpRequest r;
    EXPECT_FALSE(parse_target(target, &r)) << target;
  }
}

TEST(Target, TheRootIsAPathToo) {
  HttpRequest r;
  ASSERT_TRUE(parse_target("/", &r));
  EXPECT_EQ(r.path, "/");
  EXPECT_TRUE(r.segments.empty());
}

}  // namespace
}  // namespace kubus::gateway
