#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/codec/codec.h"
#include "services/gateway/api/answers.h"
#include "services/gateway/api/body.h"
#include "services/gateway/api/discovery.h"
#include "services/gateway/api/format.h"
#include "services/gateway/api/openapi.h"
#include "services/gateway/api/requests.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;

// An exchange that keeps its answer.
struct FakeExchange : Exchange {
  HttpRequest r;
  int status = 0;
  std::string type, body;
  Headers headers;

  FakeExchange(std::string method, std::string_view target) {
    r.method = std::move(method);
    r.peer = {"kubus-admin", {"system:masters"}};
    EXPECT_TRUE(parse_target(target, &r));
  }
  const HttpRequest& request() const override { return r; }
  void set_peer(Peer peer) override { r.peer = std::move(peer); }
  void respond(int s, std::string_view t, std::string b, Headers h) override {
    status = s;
    type = t;
    body = std::move(b);
    headers = std::move(h);
  }
  void start_stream(int, std::string_view, Headers) override {}
  void write(std::shared_ptr<const std::string>) override {}
  size_t queued_bytes() const override { return 0; }
  void finish() override {}
  void on_room(std::function<void()>) override {}
  std::shared_ptr<WebSocket> upgrade(std::string_view) override { return nullptr; }
  void on_gone(std::function<void()>) override {}
};

ResourcePath path_of(const std::string& target) {
  HttpRequest r;
  EXPECT_TRUE(parse_target(target, &r));
  return parse_resource_path(r.segments).value_or(ResourcePath());
}

TEST(Path, NamespacedAndClusterScopedResources) {
  ResourcePath p = path_of("/api/v1/namespaces/default/pods/web/status");
  ASSERT_NE(p.kind, nullptr);
  EXPECT_EQ(p.kind->kind, "Pod");
  EXPECT_EQ(p.ns, "default");
  EXPECT_EQ(p.name, "web");
  EXPECT_EQ(p.subresource, "status");
  EXPECT_EQ(path_of("/api/v1/pods").ns, "");
  EXPECT_EQ(path_of("/apis/apps/v1/namespaces/d/deployments").kind->kind, "Deployment");
  EXPECT_EQ(path_of("/api/v1/namespaces/default").kind->kind, "Namespace");
  EXPECT_EQ(path_of("/api/v1/namespaces/default/status").subresource, "status");
  EXPECT_EQ(path_of("/api/v1/nodes/n1").name, "n1");
}

TEST(Path, WhatIsNotServedIsNoPath) {
  for (const char* t :
       {"/api/v2/pods", "/api/v1/nothing", "/api/v1/pods/web", "/api/v1/namespaces/d/nodes/n",
        "/apis/apps/v1", "/api/v1/namespaces/d/pods/web/nothing",
        "/api/v1/namespaces/d/pods/web/status/more"}) {
    EXPECT_EQ(path_of(t).kind, nullptr) << t;
  }
}

TEST(Requests, VerbsFollowMethodAndName) {
  auto verb = [](const char* method, const char* target) {
    FakeExchange e(method, target);
    return verb_of(e.r, path_of(target));
  };
  EXPECT_EQ(verb("GET", "/api/v1/pods"), "list");
  EXPECT_EQ(verb("GET", "/api/v1/pods?watch=1"), "watch");
  EXPECT_EQ(verb("GET", "/api/v1/namespaces/d/pods/web"), "get");
  EXPECT_EQ(verb("POST", "/api/v1/namespaces/d/pods"), "create");
  EXPECT_EQ(verb("POST", "/api/v1/namespaces/d/pods/web/binding"), "create");
  EXPECT_EQ(verb("POST", "/api/v1/namespaces/d/pods/web"), "");
  EXPECT_EQ(verb("DELETE", "/api/v1/namespaces/d/pods"), "deletecollection");
}

TEST(Requests, ACreateCarriesTheObjectAndWhoAsks) {
  FakeExchange e(
      "POST", "/api/v1/namespaces/d/configmaps?fieldManager=me&fieldValidation=Strict&dryRun=All");
  e.r.body = R"({"metadata":{"name":"a"},"data":{"k":"v"},"nope":1})";
  auto r = translate(e.r, path_of("/api/v1/namespaces/d/configmaps"), "create");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->on_behalf_of->user, "kubus-admin");
  EXPECT_TRUE(r->dry_run);
  const wire::OperationT& op = *r->operations[0];
  EXPECT_EQ(op.name, "a");
  EXPECT_EQ(op.field_manager, "me");
  EXPECT_EQ(op.field_validation, wire::FieldValidation::Strict);
  ASSERT_EQ(op.problems.size(), 1u);
  EXPECT_EQ(op.problems[0], "unknown field \"nope\"");
}

TEST(Requests, BadQueriesAreNamed) {
  auto error = [](const char* method, const char* target, const char* body, const char* type = "") {
    FakeExchange e(method, target);
    e.r.body = body;
    if (*type) e.r.headers.emplace("content-type", type);
    auto path = path_of(target);
    auto r = translate(e.r, path, verb_of(e.r, path));
    return r.ok() ? std::string() : r.error().message;
  };
  EXPECT_NE(error("GET", "/api/v1/pods?limit=x", "").find("limit"), std::string::npos);
  EXPECT_NE(error("GET", "/api/v1/pods?resourceVersion=x", "").find("resourceVersion"),
            std::string::npos);
  EXPECT_NE(error("POST", "/api/v1/namespaces/d/pods", "{").find("malformed JSON"),
            std::string::npos);
  EXPECT_NE(error("POST", "/api/v1/namespaces/d/pods", "{}", "text/html").find("text/html"),
            std::string::npos);
  EXPECT_NE(error("POST", "/api/v1/namespaces/d/pods", R"({"kind":"Secret"})").find("Secret"),
            std::string::npos);
  EXPECT_NE(error("PUT", "/api/v1/namespaces/d/pods/web", R"({"metadata":{"name":"other"}})")
                .find("other"),
            std::string::npos);
  EXPECT_NE(error("PATCH", "/api/v1/namespaces/d/pods/web", "{}", "application/apply-patch+yaml")
                .find("fieldManager"),
            std::string::npos);
  EXPECT_NE(error("DELETE", "/api/v1/namespaces/d/pods/web", R"({"propagationPolicy":"Maybe"})")
                .find("Maybe"),
            std::string::npos);
}

TEST(Format, TheFirstRangeThatCanBeWrittenWins) {
  auto shape = [](const char* accept) {
    FakeExchange e("GET", "/api/v1/pods");
    e.r.headers.emplace("accept", accept);
    auto f = negotiate(e.r);
    return f.ok() ? static_cast<int>(f->shape) : -1;
  };
  EXPECT_EQ(shape("application/json;as=Table;v=v1;g=meta.k8s.io,application/json"),
            static_cast<int>(Shape::kTable));
  EXPECT_EQ(shape("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),
            static_cast<int>(Shape::kPartial));
  EXPECT_EQ(shape("application/vnd.kubernetes.protobuf,application/json"),
            static_cast<int>(Shape::kObject));
  EXPECT_EQ(shape("*/*"), static_cast<int>(Shape::kObject));
  EXPECT_EQ(shape("text/html"), -1);
}

TEST(Discovery, AggregatedAndPlainListTheSameResources) {
  FakeExchange aggregated("GET", "/apis");
  aggregated.r.headers.emplace(
      "accept",
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
  ASSERT_TRUE(answer_discovery(aggregated));
  EXPECT_EQ(aggregated.type,
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  std::set<std::string> names;
  json::value document = json::parse(aggregated.body);
  for (const auto& group : document.at("items").as_array()) {
    for (const auto& r : group.at("versions").at(0).at("resources").as_array())
      names.emplace(r.at("resource").as_string());
  }
  FakeExchange plain("GET", "/apis/apps/v1");
  ASSERT_TRUE(answer_discovery(plain));
  json::value list = json::parse(plain.body);
  for (const auto& r : list.at("resources").as_array()) {
    std::string name(r.at("name").as_string());
    if (name.find('/') == std::string::npos) {
      EXPECT_TRUE(names.count(name)) << name;
    }
  }
}

TEST(Discovery, AnUnchangedDocumentIs304WithoutContentType) {
  FakeExchange first("GET", "/api/v1");
  ASSERT_TRUE(answer_discovery(first));
  FakeExchange again("GET", "/api/v1");
  again.r.headers.emplace("if-none-match", first.headers[0].second);
  ASSERT_TRUE(answer_discovery(again));
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.type, "");
  EXPECT_EQ(again.body, "");
}

TEST(OpenApi, EveryKindCanBePatchedWithFieldValidation) {
  FakeExchange index("GET", "/openapi/v3");
  ASSERT_TRUE(answer_openapi(index));
  json::value paths = json::parse(index.body).at("paths");
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (!kind->stored) continue;
    std::string prefix =
        kind->group.empty() ? "api/v1" : "apis/" + kind->group + "/" + kind->version;
    std::string url(paths.at(prefix).at("serverRelativeURL").as_string());
    FakeExchange document("GET", url);
    ASSERT_TRUE(answer_openapi(document)) << url;
    bool found = false;
    json::value parsed = json::parse(document.body);
    for (const auto& p : parsed.at("paths").as_object()) {
      const auto* patch = p.value().as_object().if_contains("patch");
      if (!patch ||
          patch->at("x-kubernetes-group-version-kind").at("kind").as_string() != kind->kind)
        continue;
      for (const auto& parameter : patch->at("parameters").as_array())
        found = found || parameter.at("name") == "fieldValidation";
    }
    EXPECT_TRUE(found) << kind->kind;
  }
}

TEST(Answers, AnErrorIsAStatus) {
  FakeExchange e("GET", "/api/v1/namespaces/d/pods/web");
  ResourcePath path = path_of("/api/v1/namespaces/d/pods/web");
  answer_error(
      e,
      Error(Code::kInvalid, "bad", {{"FieldValueRequired", "Required value", "spec.containers"}}),
      path);
  EXPECT_EQ(e.status, 422);
  json::value s = json::parse(e.body);
  EXPECT_EQ(s.at("reason"), "Invalid");
  EXPECT_EQ(s.at("details").at("kind"), "Pod");
  EXPECT_EQ(s.at("details").at("causes").at(0).at("field"), "spec.containers");
}

}  // namespace
}  // namespace kubus::gateway
