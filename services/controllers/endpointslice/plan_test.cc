#include "services/controllers/endpointslice/plan.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "bus/kit/testing/cluster.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::controllers::endpointslice {
namespace {

namespace json = boost::json;

// A store in memory that does what plans say.
struct EndpointSlicePlan : ::testing::Test {
  void service(const std::string& spec) {
    c.put("services", "d", R"({"metadata":{"name":"web"},"spec":)" + spec + R"(})");
  }
  void plain() {
    service(R"({"selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":8080}]})");
  }
  struct Pod {
    std::string name, ip = "10.0.0.1", phase = "Running", spec = "", meta = "";
    bool ready = true;
  };
  void pod(const Pod& p) {
    c.put("pods", "d",
          R"({"metadata":{"name":")" + p.name + "\"" + p.meta +
              R"(},"spec":{"containers":[{"name":"c","image":"i","ports":[]}])" + p.spec +
              R"(},"status":{"phase":")" + p.phase + R"(","podIP":")" + p.ip +
              R"(","conditions":[{"type":"Ready","status":")" + (p.ready ? "True" : "False") +
              "\""
              R"(}]}})");
  }
  void port(const std::string& pod, const std::string& name, int number) {
    c.put("pods", "d",
          R"({"metadata":{"name":")" + pod +
              "\""
              R"(},"spec":{"containers":[{"name":"c","image":"i","ports":[{"name":")" +
              name + R"(","containerPort":)" + std::to_string(number) +
              R"(}]}]},"status":{"phase":"Running","podIP":"10.0.0.1"}})");
  }
  std::vector<Object> all(std::string_view resource) {
    std::vector<Object> out;
    for (const auto& [key, object] : c.store.state().objects()) {
      if (key.kind->resource == resource) out.push_back(object);
    }
    return out;
  }
  Plan look(size_t most = 100) {
    Object service = c.store.find(kit::testing::key("services", "d", "web"));
    return plan({service, all("pods"), all("endpointslices")}, most);
  }
  // Does what the plan says. How many writes that was.
  size_t act(const Plan& p) {
    const auto& kind = kit::testing::kind("endpointslices", "discovery.k8s.io");
    for (json::object slice : p.create) {
      slice["metadata"].as_object()["name"] = "web-" + std::to_string(made++);
      c.store.put(kind, "d", slice);
    }
    for (const Plan::Change& change : p.change) {
      json::value whole = codec_value(change.slice);
      json::value patch = json::parse(change.patch);
      for (auto& m : patch.as_object()) {
        if (m.key() != "metadata") whole.as_object()[m.key()] = m.value();
      }
      if (json::value* meta = patch.as_object().if_contains("metadata")) {
        whole.as_object()["metadata"].as_object()["labels"] = meta->at("labels");
      }
      c.store.put(kind, "d", whole);
    }
    for (const Object& gone : p.remove) c.store.erase(gone.key());
    return p.create.size() + p.change.size() + p.remove.size();
  }
  size_t settle(size_t most = 100) {
    size_t writes = act(look(most));
    EXPECT_EQ(act(look(most)), 0u) << "a second look wants something";
    return writes;
  }
  static json::value codec_value(const Object& slice) {
    return codec::to_value(slice.kind(), slice.bytes());
  }
  json::value slice(size_t i = 0) {
    auto found = all("endpointslices");
    return i < found.size() ? codec_value(found[i]) : json::value();
  }
  json::array endpoints(size_t i = 0) {
    json::value s = slice(i);
    const json::value* e = s.is_object() ? s.as_object().if_contains("endpoints") : nullptr;
    return e ? e->as_array() : json::array();
  }
  kit::testing::Cluster c;
  int made = 0;
};

TEST_F(EndpointSlicePlan, OneSliceOfAPodAndItsPorts) {
  plain();
  pod({.name = "a", .ip = "10.0.0.7", .spec = R"(,"nodeName":"n1")"});
  EXPECT_EQ(settle(), 1u);
  json::value s = slice();
  EXPECT_EQ(s.at("addressType").as_string(), "IPv4");
  EXPECT_EQ(s.at("metadata").at("labels").at(kServiceName).as_string(), "web");
  EXPECT_EQ(s.at("metadata").at("labels").at(kManagedBy).as_string(), kOurs);
  EXPECT_EQ(s.at("metadata").at("ownerReferences").at(0).at("kind").as_string(), "Service");
  EXPECT_EQ(s.at("ports").at(0).at("name").as_string(), "http");
  EXPECT_EQ(s.at("ports").at(0).at("port").to_number<int>(), 8080);
  json::value e = endpoints().at(0);
  EXPECT_EQ(e.at("addresses").at(0).as_string(), "10.0.0.7");
  EXPECT_EQ(e.at("nodeName").as_string(), "n1");
  EXPECT_EQ(e.at("targetRef").at("name").as_string(), "a");
  EXPECT_EQ(json::serialize(e.at("conditions")),
            R"({"ready":true,"serving":true,"terminating":false})");
}

TEST_F(EndpointSlicePlan, ConditionsOfPodsThatAreNotReadyOrGo) {
  plain();
  const std::string going =
      R"(,"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":30)";
  pod({.name = "a", .ready = false});
  pod({.name = "b", .meta = going});
  settle();
  auto conditions = [&](size_t i) { return json::serialize(endpoints().at(i).at("conditions")); };
  size_t a = endpoints().at(0).at("targetRef").at("name").as_string() == "a" ? 0 : 1;
  EXPECT_EQ(conditions(a), R"({"ready":false,"serving":false,"terminating":false})");
  EXPECT_EQ(conditions(1 - a), R"({"ready":false,"serving":true,"terminating":true})");
  service(R"({"selector":{"app":"web"},"publishNotReadyAddresses":true,)"
          R"("ports":[{"name":"http","port":80,"targetPort":8080}]})");
  EXPECT_EQ(settle(), 1u);
  EXPECT_EQ(conditions(a), R"({"ready":true,"serving":false,"terminating":false})");
}

TEST_F(EndpointSlicePlan, PodsWithoutAnAddressOrWithoutLifeAreNone) {
  plain();
  pod({.name = "a", .ip = ""});
  pod({.name = "b", .phase = "Succeeded"});
  pod({.name = "c", .phase = "Failed"});
  EXPECT_EQ(settle(), 1u) << "an empty slice says that there is none";
  EXPECT_EQ(endpoints().size(), 0u);
  pod({.name = "a"});
  settle();
  EXPECT_EQ(endpoints().size(), 1u);
  EXPECT_EQ(all("endpointslices").size(), 1u) << "a slice with ports takes its place";
}

TEST_F(EndpointSlicePlan, PortsByNameAreEachPodsOwn) {
  service(R"({"selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":"web"}]})");
  port("a", "web", 8080);
  port("b", "web", 9090);
  port("c", "web", 8080);
  port("d", "other", 1);
  EXPECT_EQ(settle(), 3u);
  std::map<int, size_t> by_port;
  for (size_t i = 0; i < 3; ++i) {
    json::value s = slice(i);
    const json::value* ports = s.as_object().if_contains("ports");
    bool any = ports && !ports->as_array().empty();
    by_port[any ? ports->at(0).at("port").to_number<int>() : 0] = endpoints(i).size();
  }
  EXPECT_EQ(by_port, (std::map<int, size_t>{{0, 1}, {8080, 2}, {9090, 1}}));
}

TEST_F(EndpointSlicePlan, WithoutATargetThePortItself) {
  service(R"({"selector":{"app":"web"},"ports":[{"port":81},{"name":"u","port":53,)"
          R"("protocol":"UDP","appProtocol":"dns"}]})");
  pod({.name = "a"});
  settle();
  auto ports = slice().at("ports").as_array();
  ASSERT_EQ(ports.size(), 2u);
  size_t u = ports.at(0).at("protocol").as_string() == "UDP" ? 0 : 1;
  EXPECT_EQ(ports.at(1 - u).at("port").to_number<int>(), 81);
  EXPECT_EQ(ports.at(u).at("port").to_number<int>(), 53);
  EXPECT_EQ(ports.at(u).at("appProtocol").as_string(), "dns");
}

TEST_F(EndpointSlicePlan, HeadlessServicesHaveHostnames) {
  service(R"({"selector":{"app":"web"},"clusterIP":"None"})");
  pod({.name = "a", .spec = R"(,"hostname":"a-0","subdomain":"web")"});
  settle();
  EXPECT_EQ(endpoints().at(0).at("hostname").as_string(), "a-0");
  EXPECT_TRUE(
      slice().at("metadata").at("labels").as_object().contains("service.kubernetes.io/headless"));
}

TEST_F(EndpointSlicePlan, SlicesAreFilledBeforeOthersAreMade) {
  plain();
  auto many = [&](int from, int to) {
    for (int i = from; i < to; ++i) pod({.name = "p" + std::to_string(i)});
  };
  many(0, 25);
  EXPECT_EQ(settle(10), 3u);
  many(25, 30);
  EXPECT_EQ(settle(10), 1u) << "there was room in one";
  many(30, 31);
  EXPECT_EQ(settle(10), 1u) << "one more is made and no other touched";
  ASSERT_EQ(all("endpointslices").size(), 4u);
  for (const Object& s : all("endpointslices")) {
    EXPECT_LE(codec_value(s).at("endpoints").as_array().size(), 10u);
  }
  pod({.name = "p7", .ready = false});
  EXPECT_EQ(settle(10), 1u) << "one Pod's change changes one slice";
  for (int i = 0; i < 31; ++i) c.erase("pods", "d", "p" + std::to_string(i));
  settle(10);
  EXPECT_EQ(all("endpointslices").size(), 1u) << "an empty one stays";
}

TEST_F(EndpointSlicePlan, WhatIsThereTwiceIsThereOnce) {
  plain();
  pod({.name = "a"});
  Plan first = look();
  act(first);
  act(first);  // as by one that died before it saw what it had done
  ASSERT_EQ(all("endpointslices").size(), 2u);
  settle();
  EXPECT_EQ(all("endpointslices").size(), 1u);
  EXPECT_EQ(endpoints().size(), 1u);
}

TEST_F(EndpointSlicePlan, OtherPortsAreOtherSlices) {
  plain();
  pod({.name = "a"});
  settle();
  service(R"({"selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":9}]})");
  EXPECT_EQ(settle(), 2u);
  ASSERT_EQ(all("endpointslices").size(), 1u);
  EXPECT_EQ(slice().at("ports").at(0).at("port").to_number<int>(), 9);
}

TEST_F(EndpointSlicePlan, NoneForServicesWithoutSelectorOrOutside) {
  auto kept = [&](const std::string& spec) {
    service(spec);
    return kept_here(c.store.find(kit::testing::key("services", "d", "web")));
  };
  EXPECT_FALSE(kept(R"({"ports":[{"port":1}]})"));
  EXPECT_FALSE(kept(R"({"selector":{}})"));
  EXPECT_FALSE(kept(R"({"type":"ExternalName","externalName":"x.y","selector":{"a":"b"}})"));
  EXPECT_TRUE(kept(R"({"selector":{"a":"b"}})"));
}

}  // namespace
}  // namespace kubus::controllers::endpointslice
