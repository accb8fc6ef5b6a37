// Tokens of service accounts, who may ask for them, and what the accounts may do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/token/token.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

const std::string& key() {
  static const std::string kKey = [] {
    EVP_PKEY* made = EVP_RSA_gen(2048);
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, made, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<size_t>(size));
    BIO_free(bio);
    EVP_PKEY_free(made);
    return out;
  }();
  return kKey;
}

StoreOptions with_key() {
  StoreOptions options;
  options.token_key = key();
  options.api_address = "192.0.2.7";
  return options;
}

class TokensTest : public ::testing::Test {
 protected:
  static wire::RequestT ask(const std::string& account, const std::string& spec) {
    wire::RequestT r =
        StoreWorld::request(wire::Verb::Create, "serviceaccounts", "default", account);
    wire::OperationT& op = *r.operations[0];
    op.subresource = "token";
    const auto* body =
        schema::Registry::get().by_kind("authentication.k8s.io", "v1", "TokenRequest");
    op.object = *codec::from_value(*body, json::object{{"spec", parse(spec)}}, nullptr);
    return r;
  }

  static wire::RequestT as_account(wire::RequestT r, const std::string& account) {
    r.on_behalf_of = std::make_unique<wire::IdentityT>();
    r.on_behalf_of->user = "system:serviceaccount:default:" + account;
    r.on_behalf_of->groups = {"system:serviceaccounts", "system:serviceaccounts:default"};
    return r;
  }

  json::object claims(const Got& got) {
    auto read = token::Verifier::from_pem(key())->verify(
        got.text("status.token"), world_.host("reader").ports().clock.wall_seconds());
    EXPECT_TRUE(read) << (read ? "" : read.error().message);
    return read ? *read : json::object();
  }

  StoreWorld world_{1, with_key()};
};

TEST_F(TokensTest, ATokenSaysWhoAndForHowLong) {
  Got got = world_.call(ask("default", R"({"audiences":["a","b"],"expirationSeconds":900})"));
  ASSERT_TRUE(got) << got.message();
  json::object c = claims(got);
  EXPECT_EQ(c.at("sub"), "system:serviceaccount:default:default");
  EXPECT_EQ(c.at("iss"), token::kIssuer);
  EXPECT_EQ(c.at("aud"), (json::array{"a", "b"}));
  EXPECT_EQ(c.at("exp").as_int64() - c.at("iat").as_int64(), 900);
  Got account = world_.get("serviceaccounts", "default", "default");
  EXPECT_EQ(c.at("kubernetes.io").at("serviceaccount").at("uid"), account.at("metadata.uid"));
  EXPECT_FALSE(got.text("status.expirationTimestamp").empty());
}

TEST_F(TokensTest, WhatCannotBeIsRefused) {
  EXPECT_EQ(world_.call(ask("nobody", "{}")).code(), Code::kNotFound);
  EXPECT_EQ(world_.call(ask("default", R"({"expirationSeconds":599})")).code(), Code::kInvalid);
  EXPECT_EQ(world_.call(ask("default", R"({"expirationSeconds":4294967297})")).code(),
            Code::kInvalid);
  EXPECT_EQ(world_.call(ask("default", R"({"boundObjectRef":{"kind":"Pod","name":"no"}})")).code(),
            Code::kNotFound);
  EXPECT_EQ(world_.call(ask("default", R"({"boundObjectRef":{"kind":"Node","name":"n"}})")).code(),
            Code::kInvalid);
}

TEST_F(TokensTest, AKubeletAsksForItsOwnPodsOnly) {
  world_.create_node("n1");
  ASSERT_TRUE(world_.create_pod("mine", "n1"));
  ASSERT_TRUE(world_.create_pod("other", "n2"));
  auto bound = [](const std::string& pod) {
    return R"({"boundObjectRef":{"kind":"Pod","name":")" + pod + R"("}})";
  };
  Got good = world_.call(ask("default", bound("mine")), "kubelet:n1");
  ASSERT_TRUE(good) << good.message();
  json::object about = claims(good).at("kubernetes.io").as_object();
  EXPECT_EQ(about.at("pod").at("name"), "mine");
  EXPECT_EQ(about.at("node").at("name"), "n1");
  EXPECT_EQ(world_.call(ask("default", bound("other")), "kubelet:n1").code(), Code::kForbidden);
  EXPECT_EQ(world_.call(ask("default", "{}"), "kubelet:n1").code(), Code::kForbidden);
  EXPECT_EQ(world_.call(ask("default", bound("mine")), "kubelet:n3").code(), Code::kForbidden);
  EXPECT_EQ(world_.call(ask("default", "{}"), "scheduler").code(), Code::kForbidden);
}

TEST_F(TokensTest, AnAccountMayWhatItsRoleSays) {
  auto may = [&](wire::Verb verb, const char* resource, const char* ns) {
    wire::RequestT r = StoreWorld::request(verb, resource, ns, verb == wire::Verb::List ? "" : "x");
    return world_.call(as_account(std::move(r), "default"), "gateway").code() != Code::kForbidden;
  };
  auto give = [&](const char* role) {
    std::string patch =
        std::string(R"({"metadata":{"annotations":{"kubus.io/role":")") + role + "\"}}}";
    ASSERT_TRUE(world_.patch("serviceaccounts", "default", "default", patch));
  };
  using enum wire::Verb;
  EXPECT_FALSE(may(List, "pods", "default"));
  give("view");
  EXPECT_EQ(
      world_
          .call(as_account(StoreWorld::request(List, "pods", "default", ""), "default"), "gateway")
          .message(),
      "");
  EXPECT_FALSE(may(List, "secrets", "default"));
  EXPECT_FALSE(may(List, "pods", "kube-system"));
  EXPECT_FALSE(may(List, "pods", ""));
  EXPECT_FALSE(may(Delete, "pods", "default"));
  give("edit");
  EXPECT_TRUE(may(List, "secrets", "default"));
  EXPECT_TRUE(may(Delete, "pods", "default"));
  EXPECT_FALSE(may(Delete, "serviceaccounts", "default"));
  EXPECT_FALSE(may(List, "nodes", ""));
  EXPECT_FALSE(world_.call(as_account(ask("default", "{}"), "default"), "gateway"));
  give("cluster-admin");
  EXPECT_TRUE(may(List, "nodes", ""));
  EXPECT_FALSE(
      world_.call(as_account(StoreWorld::request(List, "pods", "default", ""), "gone"), "gateway"));
}

TEST(Tokens, WithoutAKeyNoneIsMade) {
  StoreWorld world;
  wire::RequestT r =
      StoreWorld::request(wire::Verb::Create, "serviceaccounts", "default", "default");
  r.operations[0]->subresource = "token";
  const auto* body = schema::Registry::get().by_kind("authentication.k8s.io", "v1", "TokenRequest");
  r.operations[0]->object = *codec::from_value(*body, json::object(), nullptr);
  EXPECT_EQ(world.call(std::move(r)).code(), Code::kUnavailable);
}

TEST_F(TokensTest, TheApiHasAnEndpointThatFollowsItsAddress) {
  Got slice = world_.get("endpointslices", "default", "kubernetes");
  ASSERT_TRUE(slice) << slice.message();
  EXPECT_EQ(slice.at("endpoints").at(0).at("addresses"), json::array{"192.0.2.7"});
  EXPECT_EQ(slice.at("ports").at(0).at("port"), 6443);
  Got old = world_.get("endpoints", "default", "kubernetes");
  EXPECT_EQ(old.at("subsets").at(0).at("addresses").at(0).at("ip"), "192.0.2.7");
  uint64_t before = old.revision();
  world_.restart();
  EXPECT_EQ(world_.get("endpoints", "default", "kubernetes").revision(), before);
  ASSERT_TRUE(world_.patch("endpointslices", "default", "kubernetes",
                           R"({"endpoints":[{"addresses":["192.0.2.9"]}]})"));
  world_.restart();
  world_.world.run_for(std::chrono::seconds(1));
  slice = world_.get("endpointslices", "default", "kubernetes");
  EXPECT_EQ(slice.at("endpoints").at(0).at("addresses"), json::array{"192.0.2.7"});
}

TEST(FirstObjects, AnAddressThatOthersCannotReachIsNoEndpoint) {
  StoreOptions options;
  options.api_address = "127.0.0.1";
  StoreWorld world(1, options);
  EXPECT_TRUE(world.get("services", "default", "kubernetes"));
  EXPECT_EQ(world.get("endpoints", "default", "kubernetes").code(), Code::kNotFound);
}

}  // namespace
}  // namespace kubus::store::testing
