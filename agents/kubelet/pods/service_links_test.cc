#include "agents/kubelet/pods/service_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/kubelet/testing.h"
#include "bus/kit/testing/cluster.h"

namespace kubus::kubelet {
namespace {

using testing::ElementsAre;
using testing::Pair;

Object service(const std::string& name, const std::string& spec) {
  return object_of("services", R"({"metadata":{"name":")" + name + R"("},"spec":{)" + spec + "}}");
}

TEST(ServiceLinks, AreNamedAfterTheService) {
  Environment e = service_links({service(
      "my-db",
      R"("clusterIP":"10.96.0.7","ports":[{"name":"sql","port":5432,"protocol":"TCP"}])")});
  EXPECT_THAT(
      e, ElementsAre(
             Pair("MY_DB_SERVICE_HOST", "10.96.0.7"), Pair("MY_DB_SERVICE_PORT", "5432"),
             Pair("MY_DB_SERVICE_PORT_SQL", "5432"), Pair("MY_DB_PORT", "tcp://10.96.0.7:5432"),
             Pair("MY_DB_PORT_5432_TCP", "tcp://10.96.0.7:5432"),
             Pair("MY_DB_PORT_5432_TCP_PROTO", "tcp"), Pair("MY_DB_PORT_5432_TCP_PORT", "5432"),
             Pair("MY_DB_PORT_5432_TCP_ADDR", "10.96.0.7")));
}

TEST(ServiceLinks, WhatHasNoAddressIsNotLinked) {
  EXPECT_TRUE(service_links({service("a", R"("clusterIP":"None","ports":[{"port":1}])"),
                             service("b", R"("type":"ExternalName","externalName":"x")"),
                             service("c", R"("clusterIP":"10.96.0.8")")})
                  .empty());
}

// A Pod's namespace, the API's Service, and what both give.
class ServiceCacheTest : public testing::Test {
 protected:
  ServiceCacheTest() {
    put("default", "kubernetes", "10.96.0.1");
    put("default", "other", "10.96.0.2");
    put("shop", "web", "10.96.0.3");
  }

  void put(const std::string& ns, const std::string& name, const std::string& ip) {
    cluster_.put("services", ns,
                 R"({"metadata":{"name":")" + name + R"("},"spec":{"clusterIP":")" + ip +
                     R"(","ports":[{"port":80,"protocol":"TCP"}]}})");
  }

  // The hosts that the environment names.
  std::vector<std::string> hosts(const std::string& ns, bool all) {
    std::vector<std::string> out;
    for (const auto& [name, value] : cache_.links(ns, all)) {
      if (name.ends_with("_SERVICE_HOST")) out.push_back(value);
    }
    return out;
  }

  std::optional<bool> fetch(const std::string& ns) {
    std::optional<bool> good;
    cache_.fetch(ns, [&](bool g) { good = g; });
    cluster_.world.run_until([&] { return good.has_value(); }, std::chrono::seconds(60));
    return good;
  }

  kit::testing::Cluster cluster_;
  bus::sim::Host& host_ = cluster_.host("kubelet");
  kit::Client client_{host_.ports(), cluster_.client_options("kubelet:n1")};
  ServiceCache cache_{host_.ports(), client_};
};

TEST_F(ServiceCacheTest, GivesTheNamespacesServicesAndTheApi) {
  EXPECT_EQ(fetch("shop"), true);
  EXPECT_THAT(hosts("shop", true), ElementsAre("10.96.0.1", "10.96.0.3"));
  EXPECT_THAT(hosts("shop", false), ElementsAre("10.96.0.1"));
  EXPECT_THAT(hosts("default", true), ElementsAre("10.96.0.1", "10.96.0.2"));
  EXPECT_THAT(hosts("default", false), ElementsAre("10.96.0.1"));
}

TEST_F(ServiceCacheTest, IsAskedAgainAfterAWhileAndServesMeanwhile) {
  EXPECT_EQ(fetch("shop"), true);
  put("shop", "new", "10.96.0.4");
  cluster_.world.run_for(std::chrono::seconds(11));
  EXPECT_EQ(fetch("shop"), true);
  EXPECT_EQ(hosts("shop", true).size(), 2u);
  cluster_.world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(hosts("shop", true).size(), 3u);
}

TEST_F(ServiceCacheTest, WithoutTheBusItSaysSo) {
  host_.set_connected(false);
  EXPECT_EQ(fetch("shop"), false);
  host_.set_connected(true);
  EXPECT_EQ(fetch("shop"), true);
}

}  // namespace
}  // namespace kubus::kubelet
