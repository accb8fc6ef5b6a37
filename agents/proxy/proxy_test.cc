// From objects to the kernel's table: transcripts, and that changes lead where a whole write does.
#include "agents/proxy/proxy.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <sstream>

#include "bus/kit/testing/cluster.h"

namespace kubus::proxy {
namespace {

using kit::testing::Cluster;
using std::chrono::seconds;

// Understands the element commands that a Table writes, as the kernel would: a transaction that
// adds what is there, or deletes what is not, is refused as a whole.
class FakeKernel : public Dataplane {
 public:
  explicit FakeKernel(bus::Clock& clock) : clock_(clock) {}

  void apply(std::string commands, std::function<void(Status)> done) override {
    Status result = refuse_ > 0 ? Status(Error(Code::kInvalid, "refused")) : run(commands);
    if (refuse_ > 0) --refuse_;
    ++transactions;
    last = std::move(commands);
    timer_ = clock_.after({}, [done = std::move(done), result] { done(result); });
  }
  void refuse(int times) { refuse_ = times; }

  Elements elements;
  int transactions = 0;
  std::string last;

 private:
  Status run(const std::string& commands) {
    Elements next = elements;
    std::istringstream lines(commands);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("flush map ip t ") || line.starts_with("flush set ip t ")) {
        std::string map = line.substr(15);
        std::erase_if(next, [&](const auto& e) { return e.first.map == map; });
      }
      for (const char* verb : {"add element ip t ", "delete element ip t "}) {
        if (!line.starts_with(verb)) continue;
        if (!change(&next, verb[0] == 'a', line.substr(std::string(verb).size()))) {
          return Error(Code::kInvalid, line);
        }
      }
    }
    elements = std::move(next);
    return {};
  }

  static bool change(Elements* all, bool add, const std::string& what) {
    size_t open = what.find(" { "), close = what.rfind(" }");
    std::string map = what.substr(0, open), list = what.substr(open + 3, close - open - 3);
    for (size_t at = 0; at <= list.size();) {
      size_t end = std::min(list.find(", ", at), list.size());
      std::string element = list.substr(at, end - at);
      at = end + 2;
      size_t colon = element.find(" : ");
      ElementKey key{map, element.substr(0, colon)};
      std::string value = colon == std::string::npos ? "" : element.substr(colon + 3);
      bool there = all->count(key) > 0;
      if (add == there) return false;
      add ? void(all->emplace(key, value)) : void(all->erase(key));
    }
    return true;
  }

  bus::Clock& clock_;
  std::unique_ptr<bus::Timer> timer_;
  int refuse_ = 0;
};

struct ProxyTest : ::testing::Test {
  void start() {
    proxy.reset();
    proxy = std::make_unique<Proxy>(
        ports, kernel,
        ProxyOptions{.client = c.client_options("proxy:n1"), .node = "n1", .table = {.name = "t"}});
    c.world.settle();
  }
  void service(const std::string& name, const std::string& spec) {
    c.put("services", "d", R"({"metadata":{"name":")" + name + R"("},"spec":)" + spec + "}");
  }
  // `endpoints`: "10.0.0.1", "!10.0.0.2" (not ready), "~10.0.0.3" (ending, serves), "@n2" behind
  // it.
  void slice(const std::string& service, const std::vector<std::string>& endpoints) {
    std::string list;
    for (std::string e : endpoints) {
      std::string node = "n1";
      if (size_t at = e.find('@'); at != std::string::npos) {
        node = e.substr(at + 1);
        e.resize(at);
      }
      bool ending = e[0] == '~', ready = e[0] != '!' && !ending;
      if (!ready) e.erase(0, 1);
      list += (list.empty() ? "" : ",") + std::string(R"({"addresses":[")") + e +
              R"("],"nodeName":")" + node + R"(","conditions":{"ready":)" +
              (ready ? "true" : "false") + R"(,"serving":)" + (ready || ending ? "true" : "false") +
              R"(,"terminating":)" + (ending ? "true" : "false") + "}}";
    }
    std::string text = R"({"metadata":{"name":")" + service +
                       R"(-1","labels":{"kubernetes.io/service-name":")" + service +
                       R"("}},"addressType":"IPv4","endpoints":[)" + list +
                       R"(],"ports":[{"name":"http","port":8080,"protocol":"TCP"}]})";
    c.store.put(kit::testing::kind("endpointslices", "discovery.k8s.io"), "d",
                kit::testing::parse(text));
    c.world.settle();
  }
  std::string has(const std::string& map, const std::string& key) {
    auto at = kernel.elements.find({map, key});
    return at == kernel.elements.end() ? "none" : at->second;
  }
  size_t count(const std::string& map) {
    size_t n = 0;
    for (const auto& e : kernel.elements) n += e.first.map == map;
    return n;
  }

  Cluster c{1};
  bus::Ports ports = c.host("proxy").ports();
  FakeKernel kernel{ports.clock};
  std::unique_ptr<Proxy> proxy;
};

constexpr const char* kPlain =
    R"({"clusterIP":"10.96.0.9","type":"ClusterIP","ports":[{"name":"http","port":80,"protocol":"TCP"}]})";

TEST_F(ProxyTest, EndpointsGetNumbersAndThePortNamesTheirChain) {
  service("web", kPlain);
  slice("web", {"10.0.0.1", "!10.0.0.2", "10.0.0.3"});
  start();
  EXPECT_EQ(has("cluster_ports", "10.96.0.9 . tcp . 80"), "goto c2");
  EXPECT_EQ(has("cluster_endpoints", "10.96.0.9 . tcp . 80 . 0"), "10.0.0.1 . 8080");
  EXPECT_EQ(has("cluster_endpoints", "10.96.0.9 . tcp . 80 . 1"), "10.0.0.3 . 8080");
  EXPECT_EQ(has("hairpin", "10.0.0.3 . 10.0.0.3"), "");
}

TEST_F(ProxyTest, AChangeCostsWhatHasChanged) {
  for (int i = 0; i < 50; ++i) {
    service("s" + std::to_string(i), R"({"clusterIP":"10.96.1.)" + std::to_string(i) +
                                         R"(","ports":[{"name":"http","port":80}]})");
  }
  service("web", kPlain);
  slice("web", {"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  start();
  slice("web", {"10.0.0.2", "10.0.0.3"});
  // The last one took the first one's number.
  EXPECT_EQ(has("cluster_endpoints", "10.96.0.9 . tcp . 80 . 0"), "10.0.0.3 . 8080");
  EXPECT_EQ(has("cluster_endpoints", "10.96.0.9 . tcp . 80 . 1"), "10.0.0.2 . 8080");
  EXPECT_EQ(kernel.last.find("10.96.1."), std::string::npos) << kernel.last;
  EXPECT_EQ(kernel.last.find("flush map"), std::string::npos) << kernel.last;
}

TEST_F(ProxyTest, NothingBehindAPortIsRefusedAtOnce) {
  service("web", kPlain);
  slice("web", {"!10.0.0.1"});
  start();
  EXPECT_EQ(has("cluster_empty", "10.96.0.9 . tcp . 80"), "");
  EXPECT_EQ(has("cluster_ports", "10.96.0.9 . tcp . 80"), "none");
  slice("web", {"10.0.0.1"});
  EXPECT_EQ(has("cluster_empty", "10.96.0.9 . tcp . 80"), "none");
  EXPECT_EQ(has("cluster_ports", "10.96.0.9 . tcp . 80"), "goto c1");
}

TEST_F(ProxyTest, WhatEndsServesOnlyWhenNothingElseDoes) {
  service("web", kPlain);
  slice("web", {"~10.0.0.1", "10.0.0.2"});
  start();
  EXPECT_EQ(has("cluster_endpoints", "10.96.0.9 . tcp . 80 . 0"), "10.0.0.2 . 8080");
  slice("web", {"~10.0.0.1", "!10.0.0.2"});
  EXPECT_EQ(has("cluster_endpoints", "10.96.0.9 . tcp . 80 . 0"), "10.0.0.1 . 8080");
}

TEST_F(ProxyTest, NodePortsAndLocalPolicy) {
  service("web",
          R"({"clusterIP":"10.96.0.9","type":"NodePort","externalTrafficPolicy":"Local",
              "ports":[{"name":"http","port":80,"nodePort":30080}]})");
  slice("web", {"10.0.0.1@n2"});
  start();
  EXPECT_EQ(has("cluster_ports", "10.96.0.9 . tcp . 80"), "goto c1");
  EXPECT_EQ(has("node_ports", "tcp . 30080"), "drop");
  slice("web", {"10.0.0.1@n2", "10.0.0.2@n1"});
  EXPECT_EQ(has("node_ports", "tcp . 30080"), "goto m1");
  EXPECT_EQ(has("node_endpoints", "tcp . 30080 . 0"), "10.0.0.2 . 8080");
}

TEST_F(ProxyTest, AClientsSlotMovesOnlyWhenItsEndpointGoes) {
  service(
      "web",
      R"({"clusterIP":"10.96.0.9","sessionAffinity":"ClientIP","ports":[{"name":"http","port":80}]})");
  slice("web", {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"});
  start();
  EXPECT_EQ(has("cluster_ports", "10.96.0.9 . tcp . 80"), "goto ca");
  Elements before = kernel.elements;
  slice("web", {"10.0.0.1", "10.0.0.2", "10.0.0.4"});
  for (const auto& [key, value] : before) {
    if (key.map != "cluster_slots" || value.starts_with("10.0.0.3 ")) continue;
    EXPECT_EQ(kernel.elements.at(key), value) << key.key;
  }
  EXPECT_EQ(count("cluster_slots"), static_cast<size_t>(kSlots));
}

TEST_F(ProxyTest, NamesOutsideAndHeadlessServicesHaveNoRules) {
  service("out", R"({"type":"ExternalName","externalName":"x.example"})");
  service("head", R"({"clusterIP":"None","ports":[{"name":"http","port":80}]})");
  slice("head", {"10.0.0.1"});
  start();
  EXPECT_EQ(kernel.elements.size(), 0u);
}

TEST_F(ProxyTest, HostileAddressesNeverReachACommand) {
  service("web", R"({"clusterIP":"10.96.0.9","ports":[{"name":"http","port":80}],
                     "externalIPs":["1.2.3.4 . tcp . 1 : drop }","10.1.1.1"]})");
  slice("web", {"10.0.0.1 } ; flush ruleset", "999.0.0.1", "10.0.0.5"});
  start();
  EXPECT_EQ(has("cluster_ports", "10.96.0.9 . tcp . 80"), "goto c1");
  EXPECT_EQ(has("cluster_ports", "10.1.1.1 . tcp . 80"), "goto e1");
  EXPECT_EQ(kernel.last.find("flush ruleset"), std::string::npos);
}

TEST_F(ProxyTest, ATransactionThatFailedIsFollowedByAWholeOne) {
  service("web", kPlain);
  slice("web", {"10.0.0.1"});
  start();
  kernel.elements.clear();  // somebody removed everything: the next deletion fails
  slice("web", {"10.0.0.2"});
  c.world.run_for(seconds(2));
  EXPECT_EQ(has("cluster_endpoints", "10.96.0.9 . tcp . 80 . 0"), "10.0.0.2 . 8080");
  EXPECT_EQ(proxy->stats().failures, 1u);
}

TEST_F(ProxyTest, ARefusingKernelIsAskedAgainWithPatience) {
  kernel.refuse(3);
  service("web", kPlain);
  slice("web", {"10.0.0.1"});
  start();
  c.world.run_for(seconds(5));
  EXPECT_EQ(has("cluster_ports", "10.96.0.9 . tcp . 80"), "goto c1");
}

TEST_F(ProxyTest, ARestartMakesTheTableTrueWithoutEmptyingItFirst) {
  service("web", kPlain);
  service("old", R"({"clusterIP":"10.96.0.8","ports":[{"name":"http","port":80}]})");
  slice("web", {"10.0.0.1"});
  start();
  proxy.reset();
  c.erase("services", "d", "old");
  int before = kernel.transactions;
  start();
  EXPECT_EQ(kernel.transactions, before + 1);  // one transaction: never seen empty
  EXPECT_EQ(count("cluster_ports"), 1u);
  EXPECT_EQ(count("cluster_empty"), 0u);
}

TEST_F(ProxyTest, WhileTheStoreIsAwayTheKernelKeepsWhatItHas) {
  service("web", kPlain);
  slice("web", {"10.0.0.1"});
  start();
  Elements before = kernel.elements;
  c.store.away(true);
  proxy.reset();
  start();
  c.world.run_for(seconds(60));
  EXPECT_EQ(kernel.elements, before);
}

TEST(Table, ChangesLeadWhereAWholeWriteDoes) {
  bus::sim::World world(7);
  bus::Ports ports = world.add_host("h").ports();
  FakeKernel kernel(ports.clock), whole(ports.clock);
  Table table({.name = "t"});
  auto run = [&](FakeKernel& on, const std::string& commands) {
    Status result;
    on.apply(commands, [&](Status s) { result = std::move(s); });
    world.settle();
    ASSERT_TRUE(result) << result.error().message;
  };
  run(kernel, table.whole());
  for (int step = 0; step < 300; ++step) {
    for (uint64_t k = ports.random.below(4) + 1; k > 0; --k) {
      Elements e;
      for (uint64_t i = ports.random.below(5); i > 0; --i) {
        std::string n = std::to_string(ports.random.below(6));
        e[{"hairpin", n + " . " + n}] = "";
        e[{"cluster_ports", "s" + n}] = "goto c" + std::to_string(ports.random.below(4) + 1);
      }
      table.set("service" + std::to_string(ports.random.below(3)), e);
    }
    if (std::string commands = table.changes(); !commands.empty()) run(kernel, commands);
    EXPECT_EQ(kernel.elements, table.elements());
  }
  run(whole, table.text());
  EXPECT_EQ(whole.elements, kernel.elements);
}

TEST(Table, ItsNameHoldsNothingThatNftablesCouldMisread) {
  EXPECT_EQ(table_name("default"), "kubus-default");
  EXPECT_EQ(table_name("a.b; drop"), "kubus-a_2eb_3b_20drop");
}

}  // namespace
}  // namespace kubus::proxy
