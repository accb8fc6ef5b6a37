// Users from outside: what their object says is what they may, until the revision at which it is
// gone.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

struct Users : ::testing::Test {
  StoreWorld w;

  void SetUp() override {
    ASSERT_TRUE(w.create("namespaces", "", R"({"metadata":{"name":"shop"}})"));
    ASSERT_TRUE(w.create("configmaps", "shop", R"({"metadata":{"name":"a"},"data":{"k":"v"}})"));
    ASSERT_TRUE(w.create("secrets", "shop", R"({"metadata":{"name":"s"},"stringData":{"k":"v"}})"));
  }
  void user(std::string_view name, boost::json::array may) {
    boost::json::object object{{"metadata", {{"name", name}}}, {"spec", {{"may", may}}}};
    Got made = w.create("users", "", boost::json::serialize(object));
    ASSERT_TRUE(made) << made.message();
  }
  bool may(wire::Verb verb, std::string_view resource, std::string_view ns, std::string_view name,
           const std::string& actor) {
    Got got = w.call(StoreWorld::request(verb, resource, ns, name), actor);
    EXPECT_TRUE(got || got.code() == Code::kForbidden) << got.message();
    return got.status.ok();
  }
  Got events(const std::string& actor, bus::LaneId lane) {
    wire::RequestT r;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::EventsAfter;
    op->group = lane.group;
    op->resource = lane.resource;
    op->lane = std::make_unique<wire::LaneT>();
    op->lane->group = lane.group;
    op->lane->resource = lane.resource;
    op->lane->namespace_ = lane.ns;
    op->lane->node = lane.node;
    r.operations.push_back(std::move(op));
    return w.call(std::move(r), actor);
  }
};

TEST_F(Users, NothingWithoutAnObject) {
  EXPECT_FALSE(may(wire::Verb::Get, "configmaps", "shop", "a", "user:nobody"));
  EXPECT_FALSE(may(wire::Verb::List, "configmaps", "shop", "", "user:"));
  EXPECT_FALSE(events("user:nobody", {"", "configmaps"}));
}

TEST_F(Users, WatchIsItsLaneAndWhatItHolds) {
  user("w", {"watch:configmaps/shop", "watch:secrets"});
  EXPECT_TRUE(events("user:w", {"", "configmaps", "shop"}));
  EXPECT_FALSE(events("user:w", {"", "configmaps"})) << "all namespaces";
  EXPECT_FALSE(events("user:w", {}));
  EXPECT_FALSE(events("user:w", {"", "", "", "", "n1"}));
  EXPECT_TRUE(may(wire::Verb::Get, "configmaps", "shop", "a", "user:w"));
  EXPECT_TRUE(may(wire::Verb::List, "configmaps", "shop", "", "user:w"));
  EXPECT_FALSE(may(wire::Verb::List, "configmaps", "", "", "user:w"));
  EXPECT_TRUE(events("user:w", {"", "secrets"}));
  EXPECT_FALSE(may(wire::Verb::Get, "secrets", "shop", "s", "user:w"));
  EXPECT_FALSE(may(wire::Verb::History, "configmaps", "shop", "a", "user:w"));
  EXPECT_FALSE(may(wire::Verb::Delete, "configmaps", "shop", "a", "user:w"));
}

TEST_F(Users, AllIsNothingConfidential) {
  user("all", {"watch:*", "get:*", "history:*"});
  EXPECT_TRUE(events("user:all", {}));
  EXPECT_TRUE(may(wire::Verb::List, "configmaps", "", "", "user:all"));
  EXPECT_TRUE(may(wire::Verb::History, "configmaps", "shop", "a", "user:all"));
  EXPECT_FALSE(may(wire::Verb::Get, "secrets", "shop", "s", "user:all"));
  EXPECT_FALSE(may(wire::Verb::History, "secrets", "shop", "s", "user:all"));
  EXPECT_FALSE(may(wire::Verb::Get, "users", "", "all", "user:all"));
}

TEST_F(Users, ThePastNeedsBothRights) {
  user("past", {"history:configmaps"});
  EXPECT_FALSE(may(wire::Verb::History, "configmaps", "shop", "a", "user:past"));
  user("both", {"history:secrets/shop", "get:secrets/shop"});
  EXPECT_TRUE(may(wire::Verb::History, "secrets", "shop", "s", "user:both"));
}

TEST_F(Users, WritesWhereItMay) {
  user("c", {"write:configmaps/shop", "write:configmaps/default/one"});
  EXPECT_TRUE(w.create("configmaps", "shop", R"({"metadata":{"name":"b"}})", "user:c"));
  EXPECT_TRUE(w.patch("configmaps", "shop", "b", R"({"data":{"x":"y"}})", "", "user:c"));
  EXPECT_TRUE(may(wire::Verb::Get, "configmaps", "shop", "b", "user:c"));
  EXPECT_FALSE(may(wire::Verb::List, "configmaps", "shop", "", "user:c"));
  EXPECT_TRUE(w.remove("configmaps", "shop", "b", "user:c"));
  EXPECT_EQ(w.create("configmaps", "default", R"({"metadata":{"name":"b"}})", "user:c").code(),
            Code::kForbidden);
  EXPECT_EQ(w.remove("configmaps", "default", "kube-root-ca.crt", "user:c").code(),
            Code::kForbidden);
  EXPECT_EQ(w.create("users", "", R"({"metadata":{"name":"x"}})", "user:c").code(),
            Code::kForbidden);
}

TEST_F(Users, GoneAtOnce) {
  user("g", {"watch:configmaps"});
  EXPECT_TRUE(events("user:g", {"", "configmaps"}));
  ASSERT_TRUE(w.remove("users", "", "g"));
  EXPECT_EQ(events("user:g", {"", "configmaps"}).code(), Code::kForbidden);
  user("g", {"get:configmaps"});
  EXPECT_EQ(events("user:g", {"", "configmaps"}).code(), Code::kForbidden);
}

TEST_F(Users, TheSupervisorReadsUsersAlone) {
  user("u", {"watch:pods"});
  EXPECT_TRUE(may(wire::Verb::Get, "users", "", "u", "supervisor"));
  EXPECT_TRUE(events("supervisor", {"kubus.io", "users"}));
  EXPECT_FALSE(may(wire::Verb::Delete, "users", "", "u", "supervisor"));
  EXPECT_FALSE(may(wire::Verb::Get, "configmaps", "shop", "a", "supervisor"));
}

}  // namespace
}  // namespace kubus::store::testing
