#include "bus/kit/client.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>

#include "bus/kit/requests.h"
#include "bus/kit/testing/cluster.h"

namespace kubus::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::key;
using testing::kind;
using testing::parse;

constexpr char kMap[] = R"({"metadata":{"name":"a","namespace":"d"},"data":{"k":"v"}})";

struct ClientTest : ::testing::Test {
  ClientTest() { c.world.settle(); }

  // What `call` answered: "ok" and the name, or the error's code.
  std::string create(const std::string& text = kMap, WriteOptions options = {}) {
    std::string heard = "nothing";
    client->create(kind("configmaps"), "d", parse(text), options, [&](Result<Object> o) {
      heard = !o ? std::to_string(static_cast<int>(o.error().code))
                 : "ok " + (*o ? std::string(o->name()) : "");
    });
    c.world.run_until([&] { return heard != "nothing"; }, seconds(60));
    return heard;
  }
  static std::string code(Code c) { return std::to_string(static_cast<int>(c)); }

  testing::Cluster c;
  bus::Ports ports = c.host("client").ports();
  std::unique_ptr<Client> client = std::make_unique<Client>(ports, c.client_options("admin"));
};

TEST_F(ClientTest, CreatesReadsPatchesRemoves) {
  EXPECT_EQ(create(), "ok a");
  std::string text;
  client->get(key("configmaps", "d", "a"), [&](Result<Object> o) { text = o->name(); });
  c.world.settle();
  EXPECT_EQ(text, "a");
  Revision patched;
  client->merge_patch(key("configmaps", "d", "a"), R"({"data":{"k":"w"}})", {},
                      [&](Result<Object> o) { patched = o->revision(); });
  c.world.settle();
  EXPECT_EQ(patched, Revision(2));
  bool removed = false;
  client->remove(key("configmaps", "d", "a"), {}, {}, [&](Status s) { removed = s.ok(); });
  c.world.settle();
  EXPECT_TRUE(removed);
  Code missing{};
  client->get(key("configmaps", "d", "a"), [&](Result<Object> o) { missing = o.error().code; });
  c.world.settle();
  EXPECT_EQ(missing, Code::kNotFound);
}

TEST_F(ClientTest, PreconditionsAndUnknownFieldsAreErrors) {
  EXPECT_EQ(create(), "ok a");
  EXPECT_EQ(create(), code(Code::kAlreadyExists));
  EXPECT_EQ(create(R"({"metadata":{"name":"b"},"dato":{}})"), code(Code::kBadRequest));
  Code conflict{};
  client->merge_patch(key("configmaps", "d", "a"), "{}", {.revision = Revision(77)},
                      [&](Result<Object> o) { conflict = o.error().code; });
  c.world.settle();
  EXPECT_EQ(conflict, Code::kConflict);
}

TEST_F(ClientTest, ALostAnswerIsAskedForAgainAndTheWriteHappensOnce) {
  c.store.lose_answers(2);
  EXPECT_EQ(create(), "ok a");
  EXPECT_EQ(c.store.writes().size(), 1u);
  EXPECT_EQ(client->stats().repeated, 2u);
  EXPECT_EQ(c.store.revision(), Revision(1));
}

TEST_F(ClientTest, NobodyAnswersUntilTheDeadline) {
  c.store.away(true);
  int64_t before = c.world.now_ns();
  EXPECT_EQ(create(), code(Code::kTimeout));
  EXPECT_EQ((c.world.now_ns() - before) / 1'000'000'000, 10);
  EXPECT_EQ(client->stats().timeouts, 1u);
}

TEST_F(ClientTest, WaitsForAStoreThatStarts) {
  c.store.refuse(true);
  std::string heard;
  client->create(kind("configmaps"), "d", parse(kMap), {},
                 [&](Result<Object> o) { heard = o ? "ok" : o.error().message; });
  c.world.run_for(seconds(3));
  EXPECT_EQ(heard, "");
  c.store.refuse(false);
  c.world.run_for(seconds(5));
  EXPECT_EQ(heard, "ok");
}

TEST_F(ClientTest, SendsWhatWasUnderWayAgainOnReconnect) {
  c.host("client").set_connected(false);
  std::string heard;
  client->create(kind("configmaps"), "d", parse(kMap), {},
                 [&](Result<Object> o) { heard = o ? "ok" : o.error().message; });
  c.world.run_for(milliseconds(100));
  c.host("client").set_connected(true);
  c.world.run_for(milliseconds(200));
  EXPECT_EQ(heard, "ok");
}

TEST_F(ClientTest, TheOrderSurvivesAReconnect) {
  c.host("client").set_connected(false);
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) {
    client->create(kind("configmaps"), "d",
                   parse(R"({"metadata":{"name":"m)" + std::to_string(i) + "\"}}"), {},
                   [&](Result<Object> o) { names.emplace_back(o->name()); });
  }
  c.host("client").set_connected(true);
  c.world.run_for(milliseconds(200));
  ASSERT_EQ(names.size(), 20u);
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(names[i], "m" + std::to_string(i));
}

TEST_F(ClientTest, TooLargeIsRefusedLater) {
  std::string big(5 << 20, 'x');
  std::string heard;
  client->create(kind("configmaps"), "d",
                 parse(R"({"metadata":{"name":"a"},"data":{"k":")" + big + "\"}}"), {},
                 [&](Result<Object> o) { heard = code(o.error().code); });
  EXPECT_EQ(heard, "");
  c.world.settle();
  EXPECT_EQ(heard, code(Code::kTooLarge));
}

TEST_F(ClientTest, NothingToDoAndTwiceTheSameIdAreErrors) {
  std::vector<std::string> heard;
  auto note = [&](Result<Answer> a) { heard.push_back(a ? "ok" : code(a.error().code)); };
  client->call({}, note);
  auto request = request_for(wire::Verb::List, key("pods", "", ""));
  request.id = "mine";
  client->call(request, note);
  client->call(request, note);
  c.world.settle();
  EXPECT_EQ(heard,
            (std::vector<std::string>{code(Code::kBadRequest), code(Code::kConflict), "ok"}));
}

TEST_F(ClientTest, ManyAtOnceAreAnsweredEachOnce) {
  int answered = 0;
  for (int i = 0; i < 2000; ++i) {
    client->create(kind("configmaps"), "d",
                   parse(R"({"metadata":{"name":"m)" + std::to_string(i) + "\"}}"), {},
                   [&](Result<Object> o) { answered += o.ok(); });
  }
  c.world.settle();
  EXPECT_EQ(answered, 2000);
  EXPECT_EQ(client->stats().repeated, 0u);
}

TEST_F(ClientTest, AListOfManyPages) {
  for (int i = 0; i < 10; ++i) {
    c.put("configmaps", "d", R"({"metadata":{"name":"m)" + std::to_string(i) + "\"}}");
  }
  c.store.page_size(3);
  std::vector<std::string> names;
  client->list_all(kind("configmaps"), "d", "", "", [&](Result<Page> page) {
    for (const Object& o : page->items) names.emplace_back(o.name());
  });
  c.world.settle();
  ASSERT_EQ(names.size(), 10u);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST_F(ClientTest, AListThatExpiresUnderwayBeginsAnew) {
  for (int i = 0; i < 4; ++i) {
    c.put("configmaps", "d", R"({"metadata":{"name":"m)" + std::to_string(i) + "\"}}");
  }
  c.store.page_size(3);
  size_t items = 0, asked = c.store.requests();
  client->list_all(kind("configmaps"), "d", "", "",
                   [&](Result<Page> page) { items = page->items.size(); });
  c.world.run_until([&] { return c.store.requests() > asked; });
  c.put("configmaps", "d", R"({"metadata":{"name":"z"}})");
  c.store.compact(Revision(5));
  c.world.settle();
  EXPECT_EQ(items, 5u);
}

TEST_F(ClientTest, ADestroyedClientIsSilent) {
  bool called = false;
  client->get(key("configmaps", "d", "a"), [&](Result<Object>) { called = true; });
  client.reset();
  c.world.run_for(seconds(20));
  EXPECT_FALSE(called);
}

TEST_F(ClientTest, MayBeDestroyedByAnAnswer) {
  int called = 0;
  for (int i = 0; i < 3; ++i) {
    client->get(key("configmaps", "d", "a"), [&](Result<Object>) {
      ++called;
      client.reset();
    });
  }
  c.world.run_for(seconds(20));
  EXPECT_EQ(called, 1);
}

// ---- forged replies ----

wire::ReplyT reply_to(const std::string& id, bool with_outcome) {
  wire::ReplyT reply;
  reply.id = id;
  if (with_outcome) reply.outcomes.push_back(std::make_unique<wire::OutcomeT>());
  return reply;
}

Buffer replies(wire::ReplyT reply) {
  wire::RepliesT all;
  all.replies.push_back(std::make_unique<wire::ReplyT>(std::move(reply)));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::CreateReplies(builder, &all));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

struct Forger : ClientTest {
  Forger() {
    spying = spy.bus.subscribe(subjects.all_api(), [this](bus::Message m) {
      reply = m.reply;
      const auto* request = flatbuffers::GetRoot<wire::Request>(m.payload.data());
      id = request->id()->str();
    });
    c.store.away(true);
    client->get(key("configmaps", "d", "a"),
                [&](Result<Object> o) { heard = o ? "ok" : code(o.error().code); });
    c.world.settle();
  }
  void say(const Buffer& bytes) {
    spy.bus.publish(bus::Subject::received(reply), bytes);
    c.world.settle();
  }
  bus::Ports spy = c.host("spy").ports();
  bus::Subjects subjects{ClusterName("test")};
  std::unique_ptr<bus::Subscription> spying;
  std::string reply, id, heard;
};

TEST_F(Forger, GarbageIsCountedAndIgnored) {
  say({});
  say(Buffer(3, 0xFF));
  say(Buffer(4000, 0x41));
  Buffer cut = replies(reply_to(id, true));
  cut.resize(cut.size() / 2);
  say(cut);
  EXPECT_EQ(client->stats().hostile, 4u);
  EXPECT_EQ(heard, "");
}

TEST_F(Forger, ForeignIdsAreIgnored) {
  say(replies(reply_to("another", true)));
  say(replies(reply_to("", true)));
  EXPECT_EQ(client->stats().unknown, 2u);
  EXPECT_EQ(heard, "");
}

TEST_F(Forger, AnAnswerWithoutItsOutcomesIsAnError) {
  say(replies(reply_to(id, false)));
  EXPECT_EQ(heard, code(Code::kInternal));
  say(replies(reply_to(id, true)));
  EXPECT_EQ(client->stats().unknown, 1u);
}

TEST_F(Forger, AMalformedObjectIsAnError) {
  wire::ReplyT reply = reply_to(id, true);
  reply.outcomes[0]->object.assign(40, 0xEE);
  say(replies(std::move(reply)));
  EXPECT_EQ(heard, code(Code::kInternal));
}

}  // namespace
}  // namespace kubus::kit
