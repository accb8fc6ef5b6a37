#include "agents/kubelet/pods/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>

#include "agents/kubelet/testing.h"
#include "bus/sim/world.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::kubelet {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::HasSubstr;

// Answers requests for tokens: the first is "t1".
class TokenStore {
 public:
  explicit TokenStore(bus::Ports ports) : ports_(ports) {
    subscription_ = ports_.bus.subscribe(bus::Subjects(ClusterName("c")).all_api(),
                                         [this](bus::Message m) { on_request(m); });
  }
  bool away = false, refuses = false;
  int asked = 0;
  json::value last;

 private:
  void on_request(const bus::Message& message) {
    if (away) return;
    wire::RequestT request;
    flatbuffers::GetRoot<wire::Request>(message.payload.data())->UnPackTo(&request);
    const auto& kind =
        *schema::Registry::get().by_kind("authentication.k8s.io", "v1", "TokenRequest");
    last = codec::to_value(kind, request.operations[0]->object);
    auto outcome = std::make_unique<wire::OutcomeT>();
    if (refuses) {
      outcome->failure = std::make_unique<wire::FailureT>();
      outcome->failure->reason = "Forbidden";
      outcome->failure->message = "not yours";
    } else {
      int64_t ends = ports_.clock.wall_seconds() + 1000;
      json::object status{{"token", "t" + std::to_string(++asked)},
                          {"expirationTimestamp", codec::format_time(ends)}};
      outcome->object =
          *codec::from_value(kind, json::object{{"status", std::move(status)}}, nullptr);
    }
    auto reply = std::make_unique<wire::ReplyT>();
    reply->id = request.id;
    reply->outcomes.push_back(std::move(outcome));
    wire::RepliesT replies;
    replies.replies.push_back(std::move(reply));
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::CreateReplies(builder, &replies));
    ports_.bus.publish(bus::Subject::received(message.reply),
                       {builder.GetBufferPointer(), builder.GetSize()});
  }

  bus::Ports ports_;
  std::unique_ptr<bus::Subscription> subscription_;
};

class TokensTest : public testing::Test {
 protected:
  void fetch() {
    bool done = false;
    tokens_.fetch(pod_, [&] { done = true; });
    EXPECT_TRUE(world_.run_until([&] { return done; }, seconds(60)));
  }
  Result<std::string> token() { return tokens_.lookup("u1")({"vault", 900}); }

  bus::sim::World world_{1};
  TokenStore store_{world_.add_host("store").ports()};
  bus::sim::Host& host_ = world_.add_host("kubelet");
  kit::Client client_{host_.ports(), {.cluster = ClusterName("c"), .actor = Actor("kubelet:n1")}};
  TokenCache tokens_{host_.ports(), client_};
  Object pod_ = object_of("pods", R"({"metadata":{"name":"web","namespace":"shop","uid":"u1"},
      "spec":{"serviceAccountName":"sa","containers":[],"volumes":[{"name":"v","projected":{"sources":[
      {"serviceAccountToken":{"path":"token","audience":"vault","expirationSeconds":900}}]}}]}})");
};

TEST_F(TokensTest, AreBoundToThePodAndAskedForOnce) {
  EXPECT_FALSE(token());
  fetch();
  ASSERT_TRUE(token()) << token().error().message;
  EXPECT_EQ(*token(), "t1");
  const json::value& spec = store_.last.at("spec");
  EXPECT_EQ(spec.at("boundObjectRef").at("uid"), "u1");
  EXPECT_EQ(spec.at("audiences"), json::array{"vault"});
  EXPECT_EQ(spec.at("expirationSeconds"), 900);
  fetch();
  EXPECT_EQ(store_.asked, 1);
}

TEST_F(TokensTest, AreRenewedWhenFourFifthsOfTheirTimeHavePassed) {
  fetch();
  int64_t left = tokens_.due("u1") - host_.ports().clock.wall_ns();
  EXPECT_NEAR(static_cast<double>(left) / 1e9, 800, 2);
  world_.run_for(seconds(790));
  fetch();
  EXPECT_EQ(*token(), "t1");
  world_.run_for(seconds(20));
  fetch();
  EXPECT_EQ(*token(), "t2");
}

TEST_F(TokensTest, TheOldOneServesWhileTheStoreIsAwayAndNoLonger) {
  fetch();
  store_.away = true;
  world_.run_for(seconds(810));
  fetch();
  EXPECT_EQ(*token(), "t1");
  world_.run_for(seconds(200));
  EXPECT_FALSE(token());
}

TEST_F(TokensTest, ARefusalIsTold) {
  store_.refuses = true;
  fetch();
  ASSERT_FALSE(token());
  EXPECT_THAT(token().error().message, HasSubstr("not yours"));
  store_.refuses = false;
  world_.run_for(seconds(11));
  fetch();
  EXPECT_TRUE(token());
  tokens_.forget("u1");
  EXPECT_FALSE(token());
  EXPECT_EQ(tokens_.due("u1"), 0);
}

TEST_F(TokensTest, APodWithoutTokensNeedsNone) {
  Object plain =
      object_of("pods", R"({"metadata":{"name":"x","uid":"u2"},"spec":{"containers":[]}})");
  bool done = false;
  tokens_.fetch(plain, [&] { done = true; });
  EXPECT_TRUE(done);
  EXPECT_EQ(tokens_.due("u2"), 0);
}

}  // namespace
}  // namespace kubus::kubelet
