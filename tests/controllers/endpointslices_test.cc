// EndpointSlices on their way through a store.
#include "tests/controllers/world.h"

namespace kubus::controllers::testing {
namespace {

using std::chrono::seconds;

void service(World& w, const std::string& name, const std::string& app) {
  auto made = w.api.create("services", "default",
                           R"({"metadata":{"name":")" + name + R"("},"spec":{"selector":{"app":")" +
                               app + R"("},"ports":[{"port":80}]}})");
  ASSERT_TRUE(made) << made.message();
}
void pod(World& w, const std::string& name, const std::string& labels, const std::string& ip) {
  auto made = w.api.create("pods", "default",
                           R"({"metadata":{"name":")" + name + R"(","labels":)" + labels +
                               R"(},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  ASSERT_TRUE(made) << made.message();
  auto told =
      w.api.patch("pods", "default", name,
                  R"({"status":{"phase":"Running","podIP":")" + ip + R"(","podIPs":[{"ip":")" + ip +
                      R"("}],"conditions":[{"type":"Ready","status":"True"}]}})",
                  "status");
  ASSERT_TRUE(told) << told.message();
}
// Addresses of a Service, each once; what is in two slices shows twice.
std::multiset<std::string> addresses(World& w, const std::string& service) {
  std::multiset<std::string> out;
  for (const auto& s :
       w.api.list("endpointslices", "default", "kubernetes.io/service-name=" + service).items) {
    const auto* all = s.as_object().if_contains("endpoints");
    if (!all) continue;
    for (const auto& e : all->as_array()) out.emplace(e.at("addresses").at(0).as_string());
  }
  return out;
}
size_t slices(World& w, const std::string& service) {
  return w.api.list("endpointslices", "default", "kubernetes.io/service-name=" + service)
      .items.size();
}
using Addresses = std::multiset<std::string>;

TEST(EndpointSlices, FollowLabelsOfPodsAndSelectorsOfServices) {
  World w;
  service(w, "one", "a");
  service(w, "two", "a");
  pod(w, "p", R"({"app":"a","tier":"x"})", "10.0.0.1");
  pod(w, "q", R"({"app":"b"})", "10.0.0.2");
  w.run();
  EXPECT_EQ(addresses(w, "one"), (Addresses{"10.0.0.1"}));
  EXPECT_EQ(addresses(w, "two"), (Addresses{"10.0.0.1"}));
  ASSERT_TRUE(w.api.patch("pods", "default", "p", R"({"metadata":{"labels":{"app":"b"}}})"));
  w.run();
  EXPECT_EQ(addresses(w, "one"), Addresses{});
  ASSERT_TRUE(w.api.patch("services", "default", "two", R"({"spec":{"selector":{"app":"b"}}})"));
  w.run();
  EXPECT_EQ(addresses(w, "two"), (Addresses{"10.0.0.1", "10.0.0.2"}));
  ASSERT_TRUE(
      w.api.patch("services", "default", "two", R"({"spec":{"selector":{"app":"b","tier":"x"}}})"));
  w.run();
  EXPECT_EQ(addresses(w, "two"), (Addresses{"10.0.0.1"}));
  ASSERT_TRUE(w.api.remove("pods", "default", "p"));
  w.run();
  EXPECT_EQ(addresses(w, "two"), Addresses{});
}

TEST(EndpointSlices, GoWithTheirServiceAndComeWithItsSuccessor) {
  World w;
  pod(w, "p", R"({"app":"a"})", "10.0.0.1");
  service(w, "one", "a");
  w.run();
  ASSERT_TRUE(w.api.remove("services", "default", "one"));
  w.run();
  EXPECT_EQ(slices(w, "one"), 0u);
  service(w, "one", "a");
  w.run();
  w.crash();
  ASSERT_TRUE(w.api.remove("services", "default", "one"));
  service(w, "one", "a");
  w.start();
  w.run();
  ASSERT_EQ(slices(w, "one"), 1u);
  EXPECT_EQ(addresses(w, "one"), (Addresses{"10.0.0.1"}));
  auto slice = w.api.list("endpointslices", "default", "kubernetes.io/service-name=one").items[0];
  EXPECT_EQ(slice.at("metadata").at("ownerReferences").at(0).at("uid").as_string(),
            w.uid("services", "default", "one"));
}

TEST(EndpointSlices, WhatSomebodyDidToThemIsMended) {
  World w;
  pod(w, "p", R"({"app":"a"})", "10.0.0.1");
  service(w, "one", "a");
  w.run();
  auto name = [&] {
    auto all = w.api.list("endpointslices", "default", "kubernetes.io/service-name=one").items;
    return std::string(all.at(0).at("metadata").at("name").as_string());
  };
  ASSERT_TRUE(w.api.patch("endpointslices", "default", name(), R"({"endpoints":[]})"));
  w.run();
  EXPECT_EQ(addresses(w, "one"), (Addresses{"10.0.0.1"}));
  ASSERT_TRUE(w.api.remove("endpointslices", "default", name()));
  w.run();
  EXPECT_EQ(addresses(w, "one"), (Addresses{"10.0.0.1"}));
}

TEST(EndpointSlices, OfOthersAreLeftAlone) {
  World w;
  service(w, "one", "a");
  ASSERT_TRUE(w.api.create("services", "default",
                           R"({"metadata":{"name":"bare"},"spec":{"ports":[{"port":80}]}})"));
  for (const char* of : {"one", "bare"}) {
    auto made =
        w.api.create("endpointslices", "default",
                     R"({"metadata":{"name":"by-hand-)" + std::string(of) +
                         R"(","labels":{"kubernetes.io/service-name":")" + of +
                         R"("}},"addressType":"IPv4","endpoints":[{"addresses":["10.9.9.9"]}]})");
    ASSERT_TRUE(made) << made.message();
  }
  w.run();
  EXPECT_EQ(slices(w, "one"), 2u);
  EXPECT_EQ(addresses(w, "bare"), (Addresses{"10.9.9.9"}));
}

TEST(EndpointSlices, ManyPodsAreAFewSlices) {
  World w;
  service(w, "one", "a");
  for (int i = 0; i < 210; ++i) {
    pod(w, "p" + std::to_string(i), R"({"app":"a"})", "10.0.1." + std::to_string(i));
  }
  w.run();
  EXPECT_EQ(addresses(w, "one").size(), 210u);
  EXPECT_EQ(slices(w, "one"), 3u);
}

TEST(EndpointSlices, DeathAfterAnyWriteChangesNothingInTheEnd) {
  World::crash_after_each_write(
      [](World& w) {
        service(w, "one", "a");
        service(w, "two", "a");
        pod(w, "p", R"({"app":"a"})", "10.0.0.1");
        pod(w, "q", R"({"app":"a"})", "10.0.0.2");
      },
      [](World& w) {
        for (const char* name : {"one", "two"}) {
          EXPECT_EQ(addresses(w, name), (Addresses{"10.0.0.1", "10.0.0.2"}));
          EXPECT_EQ(slices(w, name), 1u);
        }
      });
}

TEST(EndpointSlices, ComeOverABusThatLosesAThird) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    World w(seed);
    w.run();
    service(w, "one", "a");
    for (int i = 0; i < 8; ++i) {
      pod(w, "p" + std::to_string(i), R"({"app":"a"})", "10.0.0." + std::to_string(i));
      w.lose();
    }
    ASSERT_TRUE(w.api.remove("pods", "default", "p3"));
    w.lose(seconds(20));
    w.run(seconds(90));
    EXPECT_EQ(addresses(w, "one"), (Addresses{"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.4",
                                              "10.0.0.5", "10.0.0.6", "10.0.0.7"}));
    EXPECT_EQ(slices(w, "one"), 1u);
  }
}

}  // namespace
}  // namespace kubus::controllers::testing
