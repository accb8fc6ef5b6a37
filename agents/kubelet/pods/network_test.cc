#include "agents/kubelet/pods/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/kubelet/testing.h"

namespace kubus::kubelet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const ClusterDns kNone, kOne{"10.96.0.10", "cluster.local"};
const DnsConfig kNode{{"192.0.2.53"}, {"example.org"}, {"timeout:1"}};

Object pod_with(const std::string& spec, const std::string& name = "web") {
  return object_of("pods", R"({"metadata":{"name":")" + name + R"(","namespace":"shop"},"spec":{)" +
                               spec + R"("containers":[{"name":"c","image":"i"}]}})");
}

TEST(Dns, PolicyDecidesWhoseResolver) {
  struct Case {
    const char* spec;
    const ClusterDns& cluster;
    const char* server;
    size_t searches;
  };
  for (const Case& c :
       {Case{"", kOne, "10.96.0.10", 4}, Case{"", kNone, "192.0.2.53", 1},
        Case{R"("dnsPolicy":"Default",)", kOne, "192.0.2.53", 1},
        Case{R"("hostNetwork":true,"dnsPolicy":"ClusterFirst",)", kOne, "192.0.2.53", 1},
        Case{R"("hostNetwork":true,"dnsPolicy":"ClusterFirstWithHostNet",)", kOne, "10.96.0.10",
             4}}) {
    auto dns = dns_of(pod_with(c.spec), c.cluster, kNode);
    ASSERT_TRUE(dns) << c.spec;
    EXPECT_THAT(dns->servers, ElementsAre(c.server)) << c.spec;
    EXPECT_EQ(dns->searches.size(), c.searches) << c.spec;
  }
  EXPECT_THAT(
      dns_of(pod_with(""), kOne, kNode)->searches,
      ElementsAre("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"));
}

TEST(Dns, TheConfigAddsAndWins) {
  const std::string config =
      R"("dnsConfig":{"nameservers":["192.0.2.1"],"searches":["a"],"options":[{"name":"ndots","value":"2"},{"name":"edns0"}]},)";
  auto dns = dns_of(pod_with(config), kOne, kNode);
  EXPECT_THAT(dns->servers, ElementsAre("10.96.0.10", "192.0.2.1"));
  EXPECT_THAT(dns->options, ElementsAre("ndots:2", "edns0"));
  dns = dns_of(pod_with(R"("dnsPolicy":"None",)" + config), kOne, kNode);
  EXPECT_THAT(dns->servers, ElementsAre("192.0.2.1"));
  EXPECT_THAT(dns->searches, ElementsAre("a"));
  EXPECT_FALSE(dns_of(pod_with(R"("dnsPolicy":"None",)"), kOne, kNode));
}

TEST(Dns, ResolvConfIsReadAsTheResolverReadsIt) {
  DnsConfig c = parse_resolv_conf(
      "# x\nnameserver 192.0.2.1 # first\nsearch a b\nsearch c d\noptions ndots:2 "
      "rotate\nnameserver ::1\n");
  EXPECT_THAT(c.servers, ElementsAre("192.0.2.1", "::1"));
  EXPECT_THAT(c.searches, ElementsAre("c", "d"));
  EXPECT_THAT(c.options, ElementsAre("ndots:2", "rotate"));
  EXPECT_TRUE(parse_resolv_conf("").servers.empty());
}

TEST(Hostname, IsThePodsUnlessItSaysOtherwise) {
  EXPECT_EQ(*hostname_of(pod_with(""), kOne), "web");
  EXPECT_EQ(*hostname_of(pod_with("", std::string(62, 'a') + "-bcd"), kOne), std::string(62, 'a'));
  EXPECT_EQ(*hostname_of(pod_with(R"("hostname":"x",)"), kOne), "x");
  EXPECT_EQ(*hostname_of(pod_with(R"("hostname":"x","subdomain":"y",)"), kOne), "x");
  EXPECT_EQ(
      *hostname_of(pod_with(R"("hostname":"x","subdomain":"y","setHostnameAsFQDN":true,)"), kOne),
      "x.y.shop.svc.cluster.local");
  EXPECT_EQ(*hostname_of(pod_with(R"("hostNetwork":true,)"), kOne), "");
  auto far = hostname_of(
      pod_with(R"("subdomain":"y","setHostnameAsFQDN":true,)", std::string(40, 'a')), kOne);
  ASSERT_FALSE(far);
  EXPECT_THAT(far.error().message, HasSubstr("shorten"));
}

TEST(Hosts, NameThePodAndItsAliases) {
  std::string text = hosts_text(
      pod_with(R"("subdomain":"y","hostAliases":[{"ip":"192.0.2.9","hostnames":["a","b"]}],)"),
      "10.1.0.7", kOne, "node");
  EXPECT_THAT(text, HasSubstr("10.1.0.7\tweb.y.shop.svc.cluster.local\tweb\n"));
  EXPECT_THAT(text, HasSubstr("192.0.2.9\ta\tb\n"));
  EXPECT_THAT(text, Not(HasSubstr("node")));
  EXPECT_THAT(hosts_text(pod_with(R"("hostNetwork":true,)"), "192.0.2.1", kOne, "192.0.2.1 node"),
              HasSubstr("192.0.2.1 node\n"));
}

}  // namespace
}  // namespace kubus::kubelet
