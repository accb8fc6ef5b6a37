// Payloads as JSON: what is well-formed is told, what is not is refused, Secrets stay shut.
#include "cli/decode/payload.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

const schema::KindInfo& kind(const char* resource) {
  return *schema::Registry::get().by_resource("", resource);
}

Buffer object_of(const char* resource, const char* text) {
  return *codec::from_json(kind(resource), text, nullptr);
}

template <class Table, class Native>
Buffer pack(const Native& native) {
  flatbuffers::FlatBufferBuilder b;
  b.Finish(Table::Pack(b, &native));
  return Buffer(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
}

Buffer event() {
  wire::EventT e;
  e.type = wire::EventType::Added;
  e.revision = 42;
  e.time = 1'000'000'000;
  e.actor = "admin";
  e.resource = "configmaps";
  e.namespace_ = "shop";
  e.name = "a";
  e.object = object_of("configmaps", R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  return pack<wire::Event>(e);
}

Buffer request(const char* resource, const char* body) {
  wire::RequestT r;
  r.id = "r1";
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Create;
  op->resource = resource;
  op->namespace_ = "shop";
  op->object = object_of(resource, body);
  r.operations.push_back(std::move(op));
  return pack<wire::Request>(r);
}

Buffer replies(const char* resource, const char* body) {
  wire::RepliesT all;
  auto reply = std::make_unique<wire::ReplyT>();
  reply->id = "r1";
  auto outcome = std::make_unique<wire::OutcomeT>();
  outcome->revision = 7;
  outcome->object = object_of(resource, body);
  reply->outcomes.push_back(std::move(outcome));
  all.replies.push_back(std::move(reply));
  return pack<wire::Replies>(all);
}

TEST(Decode, SubjectsSayWhatTheyCarry) {
  EXPECT_EQ(form_of("kubus.default.event._.pods.default.web"), Form::kEvent);
  EXPECT_EQ(form_of("kubus.replay.night.event._.pods.default.web"), Form::kEvent);
  EXPECT_EQ(form_of("kubus.default.node.n1.event._.pods.default.web"), Form::kEvent);
  EXPECT_EQ(form_of("kubus.default.node.n1.command.stream"), Form::kCommand);
  EXPECT_EQ(form_of("kubus.default.head.cluster"), Form::kHead);
  EXPECT_EQ(form_of("kubus.default.api.admin.get._.pods"), Form::kRequest);
  EXPECT_EQ(form_of("kubus.default.reply.admin.n"), std::nullopt);
  EXPECT_EQ(form_of("kubus"), std::nullopt);
  EXPECT_EQ(form_of(""), std::nullopt);
}

TEST(Decode, EachFormIsRecognised) {
  PayloadReader reader(false);
  auto e = reader.read(std::nullopt, event());
  ASSERT_TRUE(e);
  EXPECT_EQ(e->at("event").at("revision").to_number<int>(), 42);
  EXPECT_EQ(e->at("event").at("object").at("data").at("k").as_string(), "v");
  wire::HeadT head;
  head.lane = std::make_unique<wire::LaneT>();
  head.lane->resource = "pods";
  head.revision = 9;
  auto h = reader.read(std::nullopt, pack<wire::Head>(head));
  ASSERT_TRUE(h);
  EXPECT_EQ(json::serialize(*h), R"({"head":{"lane":{"resource":"pods"},"revision":9}})");
  auto t = reader.read(std::nullopt, Buffer{'{', '}'});
  ASSERT_TRUE(t);
  EXPECT_EQ(json::serialize(*t), R"({"text":{}})");
}

TEST(Decode, RepliesAreReadByTheRequestThatTheyAnswer) {
  const char* body = R"({"metadata":{"name":"a"},"data":{"k":"v"}})";
  PayloadReader alone(false);
  auto blind = alone.read(std::nullopt, replies("configmaps", body));
  ASSERT_TRUE(blind);
  EXPECT_TRUE(
      blind->at("replies").at(0).at("outcomes").at(0).at("object").as_object().contains("bytes"));
  PayloadReader reader(false);
  auto r = reader.read(std::nullopt, request("configmaps", body));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->at("request").at("operations").at(0).at("verb").as_string(), "Create");
  auto seen = reader.read(std::nullopt, replies("configmaps", body));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->at("replies").at(0).at("outcomes").at(0).at("object").at("kind").as_string(),
            "ConfigMap");
  alone.assume_kind(&kind("configmaps"));
  EXPECT_TRUE(alone.read(Form::kReplies, replies("configmaps", body)));
}

TEST(Decode, SecretsStayShutUnlessAskedFor) {
  const char* body = R"({"metadata":{"name":"s"},"data":{"password":"aHVudGVyMg=="}})";
  for (bool open : {false, true}) {
    PayloadReader reader(open);
    std::string text = json::serialize(*reader.read(std::nullopt, request("secrets", body))) +
                       json::serialize(*reader.read(std::nullopt, replies("secrets", body)));
    EXPECT_EQ(text.find("aHVudGVyMg==") != std::string::npos, open);
  }
}

// Every prefix, and every byte turned: an answer or a refusal, never more.
TEST(Decode, WhatIsDamagedIsRefusedOrReadAndNothingElse) {
  Buffer whole = event();
  for (size_t n = 1; n < whole.size(); ++n)
    EXPECT_FALSE(PayloadReader(false).read(
        Form::kRequest, Buffer(whole.begin(), whole.begin() + static_cast<long>(n))));
  for (size_t i = 0; i < whole.size(); ++i) {
    Buffer turned = whole;
    turned[i] ^= 0xFF;
    auto out = PayloadReader(true).read(std::nullopt, turned);
    EXPECT_TRUE(out || out.error().code == Code::kBadRequest);
  }
}

TEST(Decode, WrittenBytes) {
  EXPECT_EQ(*bytes_of("0x0aFF\n 10", "hex"), (Buffer{0x0a, 0xff, 0x10}));
  EXPECT_FALSE(bytes_of("abc", "hex"));
  EXPECT_FALSE(bytes_of("zz", "hex"));
  EXPECT_EQ(*bytes_of("Cv8Q\n", "base64"), (Buffer{0x0a, 0xff, 0x10}));
  EXPECT_FALSE(bytes_of("C", "base64"));
  EXPECT_EQ(*bytes_of("ab", ""), (Buffer{'a', 'b'}));
}

}  // namespace
}  // namespace kubus::cli
