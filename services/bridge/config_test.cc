#include "services/bridge/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubus::bridge {
namespace {

Config good(const std::string& text) {
  auto config = parse_config(text);
  EXPECT_TRUE(config.ok()) << config.error().message;
  return config ? *config : Config();
}
std::string problem(const std::string& text) {
  auto config = parse_config(text);
  return config ? "" : config.error().message;
}
// A route with these lines in it.
std::string route(const std::string& lines) {
  return "routes:\n- name: r\n" + lines;
}

TEST(BridgeConfig, AllOfIt) {
  Config c = good(R"(
credentials: /c.json
state: /var/lib/kubus-bridge
routes:
- name: audit
  source: /clusters/one
  from: beginning
  filter:
    kinds: [deploy, pods]
    namespaces: shop
    names: [web]
    nodes: [n1]
    actors: [jane]
    changed: [spec.replicas]
    only: [created, status]
    labels: app=web
  webhook:
    url: https://example.test:8443/in?x=1
    mode: batched
    batch: 20
    timeout: 2m
    refused: drop
    headers: {X-Team: a}
    tokenFile: /token
    caFile: /ca.pem
- name: lines
  from: 42
  file: {path: /var/log/kubus.jsonl, size: 1Mi, keep: 2}
- name: subjects
  nats: {prefix: audit.events}
)");
  ASSERT_EQ(c.routes.size(), 3u);
  const RouteOptions& o = c.routes[0].options;
  EXPECT_EQ(o.source, "/clusters/one");
  EXPECT_EQ(o.from, RouteOptions::From::kBeginning);
  ASSERT_EQ(o.filter.kinds.size(), 2u);
  EXPECT_EQ(o.filter.kinds[0]->resource, "deployments");
  EXPECT_EQ(o.filter.namespaces, std::vector<std::string>{"shop"});
  EXPECT_EQ(o.filter.only.size(), 2u);
  EXPECT_EQ(o.filter.labels.str(), "app=web");
  const auto& w = std::get<WebhookConfig>(c.routes[0].sink);
  EXPECT_EQ(w.options.url.host, "example.test");
  EXPECT_EQ(w.options.url.port, "8443");
  EXPECT_EQ(w.options.shown, "https://example.test:8443/in");
  EXPECT_TRUE(w.options.batched && w.options.drop_refused);
  EXPECT_EQ(w.options.most_items, 20u);
  EXPECT_EQ(w.options.timeout, std::chrono::minutes(2));
  EXPECT_EQ(w.tls.ca_file, "/ca.pem");
  EXPECT_EQ(c.routes[1].options.revision, Revision(42));
  EXPECT_EQ(std::get<FileOptions>(c.routes[1].sink).most_bytes, 1u << 20);
  EXPECT_EQ(std::get<NatsOptions>(c.routes[2].sink).root, "audit.events");
}

TEST(BridgeConfig, ErrorsNameTheField) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "one document"},
      {"a: [", "line 1"},
      {"routes: []\n", "routes: must be a list"},
      {"routes: [{name: A, nats: {}}]\n", "routes[0].name: must be"},
      {route(""), "routes[0]: must have one of webhook, nats and file"},
      {route("  nats: {}\n  file: {path: /x}\n"), "routes[0]: must have one of"},
      {route("  nats: {prefix: 'a.>'}\n"), "routes[0].nats.prefix: must be"},
      {route("  nats: {}\n  filtre: {}\n"), "routes[0].filtre: is no field here"},
      {route("  nats: {}\n  filter: {kinds: [gizmos]}\n"), "filter.kinds: there is no kind"},
      {route("  nats: {}\n  filter: {only: [x]}\n"), "filter.only: \"x\" is none of"},
      {route("  nats: {}\n  filter: {labels: 'a in'}\n"), "filter.labels: "},
      {route("  nats: {}\n  from: yesterday\n"), "from: must be now"},
      {route("  webhook: {}\n"), "webhook.url: \"\" begins with neither"},
      {route("  webhook: {url: 'http://u:p@h/'}\n"), "webhook.url: "},
      {route("  webhook: {url: 'http://h/', mode: binary}\n"), "webhook.mode: must be"},
      {route("  webhook: {url: 'http://h/', batch: 0}\n"), "webhook.batch: must be"},
      {route("  webhook: {url: 'http://h/', timeout: soon}\n"), "webhook.timeout: must be"},
      {route("  webhook: {url: 'http://h/', headers: {a: \"x\\r\\nb: y\"}}\n"), "is no header"},
      {route("  webhook: {url: 'http://h/', certFile: /a}\n"), "certFile: and keyFile"},
      {route("  file: {size: 1Mi}\n"), "file.path: is required"},
      {route("  file: {path: /x, size: 1}\n"), "file.size: must be"},
      {route("  nats: {}\n- name: r\n  nats: {}\n"), "\"r\" is there twice"},
      {route("  file: {path: /x}\n- name: s\n  file: {path: /x}\n"), "two routes cannot"},
  };
  for (const auto& [text, why] : cases)
    EXPECT_THAT(problem(text), ::testing::HasSubstr(why)) << text;
}

TEST(BridgeConfig, Urls) {
  EXPECT_EQ(parse_url("http://h")->target, "/");
  EXPECT_EQ(parse_url("http://h")->port, "80");
  EXPECT_EQ(parse_url("https://h?a=b")->target, "/?a=b");
  EXPECT_EQ(parse_url("http://[::1]:81/x")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:81/x")->port, "81");
  for (const char* bad : {"ftp://h", "http://", "http://h:x/", "http://h:/", "http://h/ a",
                          "http://h/#f", "http://:80/", "http://[::1", "http://h:123456/"})
    EXPECT_FALSE(parse_url(bad).ok()) << bad;
}

}  // namespace
}  // namespace kubus::bridge
