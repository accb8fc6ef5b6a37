// What was refused is kept: who, from where, what and why; in bounds, over restarts, and nothing of
// what a Secret holds.
#include <gtest/gtest.h>

#include "schemas/bus/event_generated.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

Got audit(StoreWorld& w, uint64_t after = 0, const std::string& actor = "admin") {
  wire::RequestT r;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Audit;
  op->after = after;
  r.operations.push_back(std::move(op));
  return w.call(std::move(r), actor);
}

void flush(StoreWorld& w) {
  bool done = false;
  w.store().state().flush([&](Status) { done = true; });
  ASSERT_TRUE(w.world.run_until([&] { return done; }));
}

TEST(Audit, ARefusedRequestIsKeptWithWhoAndWhere) {
  StoreWorld w;
  wire::RequestT r = StoreWorld::request(wire::Verb::Delete, "configmaps", "default", "x");
  r.source = "10.1.2.3 curl/8.0\n\x01";
  ASSERT_EQ(w.call(std::move(r), "scheduler").code(), Code::kForbidden);
  Got got = audit(w);
  ASSERT_TRUE(got) << got.message();
  ASSERT_EQ(got.outcome.refusals.size(), 1u);
  const wire::RefusalT& kept = *got.outcome.refusals[0];
  EXPECT_EQ(kept.actor, "scheduler");
  EXPECT_EQ(kept.source, "10.1.2.3 curl/8.0??");
  EXPECT_EQ(kept.verb, wire::Verb::Delete);
  EXPECT_EQ(kept.resource, "configmaps");
  EXPECT_EQ(kept.namespace_, "default");
  EXPECT_EQ(kept.name, "x");
  EXPECT_EQ(kept.reason, "Forbidden");
  EXPECT_NE(kept.message.find("scheduler"), std::string::npos);
  EXPECT_GT(kept.time, 0);
  EXPECT_TRUE(audit(w, kept.sequence).outcome.refusals.empty());
}

TEST(Audit, TheUserBehindAGatewayIsNamed) {
  StoreWorld w;
  wire::RequestT r = StoreWorld::request(wire::Verb::Get, "secrets", "default", "x");
  r.on_behalf_of = std::make_unique<wire::IdentityT>();
  r.on_behalf_of->user = "eve";
  ASSERT_EQ(w.call(std::move(r), "gateway").code(), Code::kForbidden);
  EXPECT_EQ(audit(w).outcome.refusals.at(0)->user, "eve");
}

TEST(Audit, WhoSpeaksForOthersWithoutLeaveIsKept) {
  StoreWorld w;
  wire::RequestT r = StoreWorld::request(wire::Verb::Get, "secrets", "default", "x");
  r.on_behalf_of = std::make_unique<wire::IdentityT>();
  r.on_behalf_of->user = "admin";
  ASSERT_EQ(w.call(std::move(r), "scheduler").code(), Code::kForbidden);
  EXPECT_EQ(audit(w).outcome.refusals.at(0)->actor, "scheduler");
  EXPECT_NE(audit(w).outcome.refusals.at(0)->message.find("speak for others"), std::string::npos);
}

TEST(Audit, OnlyAdministratorsReadIt) {
  StoreWorld w;
  for (const char* actor : {"scheduler", "controllers", "kubelet:n1", "gateway"})
    EXPECT_EQ(audit(w, 0, actor).code(), Code::kForbidden) << actor;
  EXPECT_EQ(audit(w).outcome.refusals.size(), 4u);
}

TEST(Audit, ItOutlivesTheStoreAndCostsNoSync) {
  StoreWorld w;
  w.create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  flush(w);
  uint64_t syncs = w.store().state().stats().syncs;
  for (int i = 0; i < 50; ++i) w.get("secrets", "default", "x" + std::to_string(i), "scheduler");
  EXPECT_EQ(w.store().state().stats().syncs, syncs);
  EXPECT_EQ(w.store().state().stats().overlay_changes, 0u);
  flush(w);
  w.restart();
  EXPECT_EQ(audit(w).outcome.refusals.size(), 50u);
  EXPECT_EQ(w.store().state().stats().syncs, 0u);
}

TEST(Audit, NobodyFillsIt) {
  StoreOptions options;
  options.audit = {.entries = 80, .bytes = 64 << 10, .shares = 8, .text = 128};
  StoreWorld w(1, options);
  w.get("secrets", "default", "of-bob", "cli-of-nobody");
  for (int i = 0; i < 500; ++i) {
    wire::RequestT r =
        StoreWorld::request(wire::Verb::Get, "secrets", "default", "n" + std::to_string(i));
    r.source = std::string(10'000, 'x');
    w.call(std::move(r), "scheduler");
  }
  Got got = audit(w);
  EXPECT_LE(got.outcome.refusals.size(), 11u);
  EXPECT_EQ(got.outcome.refusals.at(0)->name, "of-bob");
  EXPECT_GE(got.outcome.count, 490u);
  flush(w);
  w.restart();
  EXPECT_EQ(audit(w).outcome.count, got.outcome.count);
}

TEST(Audit, WhatASecretHoldsIsNoPartOfIt) {
  StoreWorld w;
  w.create("secrets", "default",
           R"({"metadata":{"name":"s"},"stringData":{"p":"hunter2-and-more"},"immutable":true})");
  Got refused = w.patch("secrets", "default", "s", R"({"stringData":{"p":"hunter3-and-more"}})");
  ASSERT_EQ(refused.code(), Code::kInvalid);
  refused = w.patch("secrets", "default", "s", R"({"data":{"p":"hunter3-and-more!"}})");
  ASSERT_FALSE(refused);
  Got got = audit(w);
  uint64_t times = 0;
  for (const auto& r : got.outcome.refusals) times += r->count;
  EXPECT_EQ(times, 2u);
  for (const auto& r : got.outcome.refusals)
    EXPECT_EQ(r->message.find("hunter"), std::string::npos) << r->message;
}

TEST(Audit, WantOfRoomAndReadsOfNothingAreNoRefusals) {
  StoreWorld w;
  w.get("configmaps", "default", "nothing");
  EXPECT_TRUE(audit(w).outcome.refusals.empty());
}

TEST(Audit, WhereARequestCameFromStandsOnItsEvent) {
  StoreWorld w;
  wire::RequestT r = StoreWorld::request(wire::Verb::Create, "configmaps", "default", "a");
  r.operations[0]->object = StoreWorld::encode("configmaps", parse(R"({"metadata":{"name":"a"}})"));
  r.source = "host kubus";
  Got made = w.call(std::move(r));
  ASSERT_TRUE(made);
  Payload event = w.store().state().committed().event(Revision(made.revision()));
  EXPECT_EQ(flatbuffers::GetRoot<wire::Event>(event.data())->source()->str(), "host kubus");
}

// ---- Secrets at rest, by the store's verbs ----

TEST(Rekey, AnotherKeyTakesOver) {
  secrets::KeyRing ring;
  auto add = [&](uint8_t n) {
    secrets::KeyBytes bytes;
    bytes.fill(n);
    ring.add_newest(secrets::key_of(bytes, ""));
  };
  add(1);
  StoreOptions options;
  options.state.read_keys = [&]() -> Result<secrets::KeyRing> { return ring; };
  StoreWorld w(1, options);
  for (int i = 0; i < 10; ++i)
    w.create(
        "secrets", "default",
        R"({"metadata":{"name":"s)" + std::to_string(i) + R"("},"stringData":{"p":"hunter2"}})");
  auto rekey = [&](const std::string& actor) {
    return w.call(StoreWorld::request(wire::Verb::Rekey, "secrets", "", ""), actor);
  };
  EXPECT_EQ(rekey("controllers").code(), Code::kForbidden);
  EXPECT_EQ(w.call(StoreWorld::request(wire::Verb::Rekey, "configmaps", "", "")).code(),
            Code::kBadRequest);
  add(2);
  Got got = rekey("admin");
  ASSERT_TRUE(got) << got.message();
  for (int i = 0; i < 100 && !got.outcome.continue_token.empty(); ++i) {
    w.world.run_for(std::chrono::milliseconds(100));
    got = rekey("admin");
  }
  EXPECT_EQ(got.outcome.continue_token, "");
  EXPECT_EQ(got.outcome.count, 10u);
  ring.drop_old();
  w.restart();
  EXPECT_EQ(w.get("secrets", "default", "s3").text("data.p"), "aHVudGVyMg==");
}

TEST(Rekey, AnEventRepeatsNothingOfASecret) {
  StoreWorld w;
  Got made = w.create("secrets", "default", R"({"metadata":{"name":"s","annotations":{
      "kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"p\":\"aHVudGVyMg==\"}}",
      "team":"shop","note":"it is hunter2","other":"aHVudGVyMg=="}},
      "stringData":{"p":"hunter2"}})");
  ASSERT_TRUE(made) << made.message();
  Payload event = w.store().state().committed().event(Revision(made.revision()));
  std::string_view text = as_text(event.view());
  EXPECT_EQ(text.find("hunter2"), std::string_view::npos);
  EXPECT_EQ(text.find("aHVudGVyMg=="), std::string_view::npos);
  EXPECT_NE(text.find("shop"), std::string_view::npos);
  EXPECT_EQ(w.get("secrets", "default", "s").text("metadata.annotations.note"), "it is hunter2");
}

}  // namespace
}  // namespace kubus::store::testing
