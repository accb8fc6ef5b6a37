#include "services/gateway/auth/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <boost/json/object.hpp>

#include "bus/kit/testing/cluster.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

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

class TokensTest : public testing::Test {
 protected:
  TokensTest() {
    cluster_.put("serviceaccounts", "shop", R"({"metadata":{"name":"sa","uid":"u1"}})");
    cluster_.put("pods", "shop", R"({"metadata":{"name":"web","uid":"u2"}})");
    auto account = cluster_.get("serviceaccounts", "shop", "sa");
    account_uid_ = account.at("metadata").at("uid").as_string().c_str();
    auto pod = cluster_.get("pods", "shop", "web");
    pod_uid_ = pod.at("metadata").at("uid").as_string().c_str();
  }

  json::object claims() {
    json::object about{{"namespace", "shop"},
                       {"serviceaccount", {{"name", "sa"}, {"uid", account_uid_}}},
                       {"pod", {{"name", "web"}, {"uid", pod_uid_}}},
                       {"node", {{"name", "n1"}}}};
    return {{"iss", token::kIssuer},
            {"aud", json::array{"other", token::kIssuer}},
            {"exp", host_.ports().clock.wall_seconds() + 600},
            {"jti", "j"},
            {"kubernetes.io", std::move(about)}};
  }
  static std::string sign(const json::object& c) {
    return *token::Signer::from_pem(key())->sign(c);
  }

  Result<Peer> ask(const std::string& bearer) {
    std::optional<Result<Peer>> out;
    tokens_.authenticate(bearer, [&](Result<Peer> p) { out = std::move(p); });
    cluster_.world.run_until([&] { return out.has_value(); }, seconds(60));
    return out ? *out : Result<Peer>(Error(Code::kInternal, "no answer"));
  }

  kit::testing::Cluster cluster_;
  bus::sim::Host& host_ = cluster_.host("gateway");
  kit::Client client_{host_.ports(), cluster_.client_options("gateway")};
  Tokens tokens_{host_.ports(), client_,
                 std::make_unique<token::Verifier>(*token::Verifier::from_pem(key()))};
  std::string account_uid_, pod_uid_;
};

TEST_F(TokensTest, ATokenIsItsAccount) {
  auto peer = ask(sign(claims()));
  ASSERT_TRUE(peer) << peer.error().message;
  EXPECT_EQ(peer->user, "system:serviceaccount:shop:sa");
  EXPECT_THAT(peer->groups, ElementsAre("system:serviceaccounts", "system:serviceaccounts:shop"));
  EXPECT_EQ(peer->uid, account_uid_);
  EXPECT_THAT(peer->extra.at("authentication.kubernetes.io/pod-name"), ElementsAre("web"));
  EXPECT_THAT(peer->extra.at("authentication.kubernetes.io/node-name"), ElementsAre("n1"));
}

TEST_F(TokensTest, ItLastsNoLongerThanItsPodAndIsAskedForSeldom) {
  std::string bearer = sign(claims());
  ASSERT_TRUE(ask(bearer));
  uint64_t sent = client_.stats().sent;
  ASSERT_TRUE(ask(bearer));
  EXPECT_EQ(client_.stats().sent, sent);
  cluster_.erase("pods", "shop", "web");
  cluster_.world.run_for(seconds(10));
  auto gone = ask(bearer);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::kUnauthorized);
  EXPECT_THAT(gone.error().message, HasSubstr("Pod"));
}

TEST_F(TokensTest, ItEndsWithItsTimeWhateverIsRemembered) {
  json::object c = claims();
  c["exp"] = host_.ports().clock.wall_seconds() + 3;
  std::string bearer = sign(c);
  ASSERT_TRUE(ask(bearer));
  cluster_.world.run_for(seconds(4));
  EXPECT_THAT(ask(bearer).error().message, HasSubstr("expired"));
}

TEST_F(TokensTest, OthersAudiencesIssuersAndLivesAreRefused) {
  for (auto change : std::vector<std::function<void(json::object&)>>{
           [](json::object& c) { c["aud"] = json::array{"vault"}; },
           [](json::object& c) { c["aud"] = 7; }, [](json::object& c) { c.erase("aud"); },
           [](json::object& c) { c["iss"] = "https://elsewhere"; },
           [](json::object& c) { c.erase("kubernetes.io"); },
           [](json::object& c) {
             c["kubernetes.io"].as_object()["serviceaccount"].as_object()["uid"] = "another";
           },
           [](json::object& c) {
             c["kubernetes.io"].as_object()["pod"].as_object()["uid"] = "x";
           }}) {
    json::object c = claims();
    change(c);
    auto peer = ask(sign(c));
    ASSERT_FALSE(peer);
    EXPECT_EQ(peer.error().code, Code::kUnauthorized) << peer.error().message;
  }
  EXPECT_EQ(ask("rubbish").error().code, Code::kUnauthorized);
}

TEST_F(TokensTest, WithoutTheStoreNobodyIsLetIn) {
  host_.set_connected(false);
  auto peer = ask(sign(claims()));
  ASSERT_FALSE(peer);
  EXPECT_NE(peer.error().code, Code::kUnauthorized);
}

}  // namespace
}  // namespace kubus::gateway
