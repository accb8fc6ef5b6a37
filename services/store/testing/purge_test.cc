// Values leave the past for good: from every version, from copies of them, and the chain of hashes
// still verifies.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/scalars.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

constexpr const char* kPassword = "correct-horse";

class Purge : public ::testing::Test {
 protected:
  void write(const std::string& resource, const std::string& value, int i) {
    std::string field = resource == "secrets" ? "stringData" : "data";
    std::string object = R"({"metadata":{"name":"db","annotations":{"last":"{\"p\":\")" + value +
                         R"(\"}"}},")" + field + R"(":{"password":")" + value + R"(","n":")" +
                         std::to_string(i) + R"("}})";
    Got got =
        i == 0 ? w.create(resource, "default", object) : w.patch(resource, "default", "db", object);
    ASSERT_TRUE(got) << got.message();
    revisions.push_back(got.revision());
  }
  // Four versions with the password, then two with another.
  void write_past(const std::string& resource) {
    for (int i = 0; i < 4; ++i) write(resource, kPassword, i);
    for (int i = 4; i < 6; ++i) write(resource, "another-one", i);
    flush();
  }
  void flush() {
    bool done = false;
    w.store().state().flush([&](Status) { done = true; });
    ASSERT_TRUE(w.world.run_until([&] { return done; }));
  }
  Got purge(wire::RequestT r, const std::string& actor = "admin") {
    wire::OperationT op = *r.operations[0];
    bool dry = r.dry_run;
    Got got = w.call(std::move(r), actor);
    for (int i = 0; i < 200 && got && !got.outcome.continue_token.empty(); ++i) {
      w.world.run_for(std::chrono::milliseconds(60));
      wire::RequestT again;
      again.dry_run = dry;
      again.operations.push_back(std::make_unique<wire::OperationT>(op));
      again.operations[0]->continue_token = got.outcome.continue_token;
      got = w.call(std::move(again), actor);
    }
    flush();
    return got;
  }
  wire::RequestT ask(const std::string& resource, std::vector<std::string> paths) {
    wire::RequestT r = StoreWorld::request(wire::Verb::Purge, resource, "default", "db");
    r.operations[0]->paths = std::move(paths);
    return r;
  }
  std::string at(const std::string& resource, size_t version, const std::string& path) {
    wire::RequestT r = StoreWorld::request(wire::Verb::Get, resource, "default", "db");
    r.operations[0]->revision = revisions[version];
    r.operations[0]->match = wire::ListMatch::Exact;
    Got got = w.call(std::move(r));
    EXPECT_TRUE(got) << got.message();
    return got.text(path);
  }
  bool in_tables(std::string_view what) {
    Status verified = w.store().state().verify();
    EXPECT_TRUE(verified.ok()) << verified.error().message;
    return w.tables_hold(what);
  }
  const wire::Event& event(size_t version) {
    kept = w.store().state().committed().event(Revision(revisions[version]));
    return *flatbuffers::GetRoot<wire::Event>(kept.data());
  }

  StoreWorld w;
  std::vector<uint64_t> revisions;
  Payload kept;
};

TEST_F(Purge, AValueLeavesEveryPastVersionAndItsCopies) {
  write_past("configmaps");
  ASSERT_TRUE(in_tables(kPassword));
  wire::RequestT dry = ask("configmaps", {"data.password"});
  dry.dry_run = true;
  EXPECT_EQ(purge(std::move(dry)).outcome.count, 4u);
  ASSERT_TRUE(in_tables(kPassword));
  Got got = purge(ask("configmaps", {"data.password"}));
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.outcome.count, 4u);
  EXPECT_FALSE(in_tables(kPassword));
  for (size_t v = 0; v < 4; ++v) {
    EXPECT_EQ(at("configmaps", v, "data.password"), "[purged]");
    EXPECT_EQ(at("configmaps", v, "data.n"), std::to_string(v));
    EXPECT_EQ(at("configmaps", v, "metadata.annotations.last"), R"({"p":"[purged]"})");
    ASSERT_NE(event(v).purged(), nullptr);
    EXPECT_EQ(event(v).purged()->Get(0)->str(), "data.password");
    EXPECT_EQ(event(v).revision(), revisions[v]);
  }
  EXPECT_EQ(at("configmaps", 4, "data.password"), "another-one") << "as the present one holds";
  w.restart();
  EXPECT_FALSE(in_tables(kPassword));
  EXPECT_EQ(at("configmaps", 2, "data.password"), "[purged]");
  w.store().state().compact_to(Revision(revisions[2]));
  w.world.run_for(std::chrono::seconds(5));
  EXPECT_EQ(w.store().state().committed().compacted().value(), revisions[2]);
  EXPECT_FALSE(in_tables(kPassword));
}

TEST_F(Purge, TheDeedIsRecorded) {
  write_past("configmaps");
  wire::RequestT r = ask("configmaps", {"data.password"});
  r.operations[0]->revision = revisions[3];
  r.source = "host kubus";
  ASSERT_TRUE(purge(std::move(r)));
  wire::RequestT audit;
  audit.operations.push_back(std::make_unique<wire::OperationT>());
  audit.operations[0]->verb = wire::Verb::Audit;
  Got got = w.call(std::move(audit));
  ASSERT_EQ(got.outcome.refusals.size(), 1u);
  const wire::RefusalT& deed = *got.outcome.refusals[0];
  EXPECT_EQ(deed.reason, "");
  EXPECT_EQ(deed.verb, wire::Verb::Purge);
  EXPECT_EQ(deed.actor, "admin");
  EXPECT_EQ(deed.source, "host kubus");
  EXPECT_EQ(deed.name, "db");
  EXPECT_NE(deed.message.find("data.password"), std::string::npos);
  EXPECT_NE(deed.message.find(std::to_string(revisions[3])), std::string::npos);
}

TEST_F(Purge, ASecretsValueGoesFromItsBodies) {
  write_past("secrets");
  std::string encoded = codec::base64(as_bytes(kPassword));
  ASSERT_EQ(at("secrets", 1, "data.password"), encoded);
  wire::RequestT r = ask("secrets", {"data.password"});
  r.operations[0]->revision = revisions[3];
  Got got = purge(std::move(r));
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.outcome.count, 4u);
  EXPECT_EQ(at("secrets", 1, "data.password"), codec::base64(as_bytes("[purged]")));
  EXPECT_EQ(at("secrets", 1, "metadata.annotations.last"), R"({"p":"[purged]"})");
  EXPECT_FALSE(in_tables(kPassword));
  EXPECT_FALSE(in_tables(encoded));
}

TEST_F(Purge, WhatThePresentHoldsIsNotPast) {
  write_past("configmaps");
  wire::RequestT r = ask("configmaps", {"data.password"});
  r.operations[0]->after = revisions[3];
  Got got = purge(std::move(r));
  EXPECT_EQ(got.code(), Code::kConflict);
  EXPECT_NE(got.message().find("still holds the value"), std::string::npos) << got.message();
  w.patch("configmaps", "default", "db",
          std::string(R"({"metadata":{"annotations":{"note":"was )") + kPassword + R"("}}})");
  got = purge(ask("configmaps", {"data.password"}));
  EXPECT_EQ(got.code(), Code::kConflict);
  EXPECT_NE(got.message().find("annotation"), std::string::npos) << got.message();
  EXPECT_EQ(at("configmaps", 0, "data.password"), kPassword) << "nothing of a refused one happens";
  w.patch("configmaps", "default", "db", R"({"metadata":{"annotations":{"note":null}}})");
  got = purge(ask("configmaps", {"data.password"}));
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.outcome.count, 5u) << "the one with the note too";
  EXPECT_FALSE(in_tables(kPassword));
}

TEST_F(Purge, WholeBodiesGoWithTheirIdentityLeft) {
  write_past("configmaps");
  std::string uid = at("configmaps", 0, "metadata.uid");
  Got got = purge(ask("configmaps", {}));
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.outcome.count, 5u);
  EXPECT_FALSE(in_tables(kPassword));
  EXPECT_EQ(at("configmaps", 0, "metadata.uid"), uid);
  EXPECT_EQ(at("configmaps", 0, "data.n"), "");
  EXPECT_EQ(at("configmaps", 5, "data.n"), "5") << "the present one stays";
}

TEST_F(Purge, TheDeadArePurgedToTheirLast) {
  write_past("configmaps");
  ASSERT_TRUE(w.remove("configmaps", "default", "db"));
  flush();
  Got got = purge(ask("configmaps", {"data.password"}));
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.outcome.count, 7u);
  EXPECT_FALSE(in_tables("another-one"));
}

TEST_F(Purge, WhatIsKeptBelowTheHorizonForOthersToHangOnGoesToo) {
  for (int i = 0; i < 10; ++i) write("configmaps", kPassword, i);
  for (int i = 10; i < 12; ++i) write("configmaps", "another-one", i);
  flush();
  w.store().state().compact_to(Revision(revisions[5]));
  w.world.run_for(std::chrono::seconds(5));
  ASSERT_EQ(w.store().state().committed().compacted().value(), revisions[5]);
  Got got = purge(ask("configmaps", {"data.password"}));
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.outcome.count, 5u);
  EXPECT_FALSE(in_tables(kPassword));
  EXPECT_EQ(at("configmaps", 7, "data.password"), "[purged]");
  EXPECT_EQ(at("configmaps", 7, "data.n"), "7");
  w.store().state().compact_to(Revision(revisions[9]));
  w.world.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(in_tables(kPassword));
  EXPECT_EQ(at("configmaps", 10, "data.password"), "another-one");
}

TEST_F(Purge, AVersionInTheMiddleTakesNothingAwayThatLaterOnesHangOn) {
  for (int i = 0; i < 10; ++i)
    write("configmaps", i == 2 ? kPassword : i == 4 ? "another-one" : "harmless", i);
  flush();
  wire::RequestT r = ask("configmaps", {"data.password"});
  r.operations[0]->after = revisions[1];
  r.operations[0]->revision = revisions[2];
  ASSERT_EQ(purge(std::move(r)).outcome.count, 1u);
  r = ask("configmaps", {"data.n"});  // "0" of the version that others hang on
  r.operations[0]->revision = revisions[0];
  ASSERT_TRUE(purge(std::move(r)));
  EXPECT_FALSE(in_tables(kPassword));
  EXPECT_EQ(w.store().state().room_reason(), "");
  for (size_t v = 1; v < 9; ++v) {
    w.store().state().compact_to(Revision(revisions[v]));
    w.world.run_for(std::chrono::seconds(40));
    EXPECT_EQ(w.store().state().room_reason(), "");
    ASSERT_EQ(w.store().state().committed().compacted().value(), revisions[v]);
    EXPECT_FALSE(in_tables(kPassword));
    for (size_t u = v; u < 10; ++u) EXPECT_EQ(at("configmaps", u, "data.n"), std::to_string(u));
  }
}

TEST_F(Purge, OthersWriteMeanwhile) {
  for (int i = 0; i < 200; ++i) write("configmaps", kPassword, i);
  write("configmaps", "another-one", 200);
  Got got = w.call(ask("configmaps", {"data.password"}));
  ASSERT_TRUE(got) << got.message();
  for (int i = 201; i < 260; ++i) write("configmaps", "another-one", i);
  got = purge(ask("configmaps", {"data.password"}));
  for (int i = 0; i < 50 && got.code() == Code::kConflict; ++i) {
    w.world.run_for(std::chrono::milliseconds(100));
    got = purge(ask("configmaps", {"data.password"}));
  }
  EXPECT_FALSE(in_tables(kPassword));
  for (size_t v : {0u, 100u, 199u}) EXPECT_EQ(at("configmaps", v, "data.password"), "[purged]");
  for (size_t v : {200u, 230u, 259u})
    EXPECT_EQ(at("configmaps", v, "data.password"), "another-one");
}

TEST_F(Purge, TwiceIsOnce) {
  write_past("configmaps");
  for (uint64_t expected : {4u, 0u}) {
    wire::RequestT r = ask("configmaps", {"data.password"});
    r.operations[0]->revision = revisions[3];
    EXPECT_EQ(purge(std::move(r)).outcome.count, expected);
  }
  EXPECT_FALSE(in_tables(kPassword));
}

TEST_F(Purge, ADeathInTheMiddleIsToldAndTheRestIsDoneLater) {
  for (int i = 0; i < 300; ++i) write("configmaps", kPassword, i);
  write("configmaps", "another-one", 300);
  Got got = w.call(ask("configmaps", {"data.password"}));
  ASSERT_FALSE(got.outcome.continue_token.empty());
  w.world.run_for(std::chrono::milliseconds(450));
  w.restart();
  wire::RequestT r = ask("configmaps", {"data.password"});
  r.operations[0]->continue_token = got.outcome.continue_token;
  EXPECT_EQ(w.call(std::move(r)).code(), Code::kConflict);
  EXPECT_TRUE(w.store().state().verify().ok());
  got = purge(ask("configmaps", {"data.password"}));
  ASSERT_TRUE(got) << got.message();
  EXPECT_FALSE(in_tables(kPassword));
}

TEST_F(Purge, WhoAsksWronglyIsToldSo) {
  write_past("configmaps");
  EXPECT_EQ(purge(ask("configmaps", {"data.password"}), "controllers").code(), Code::kForbidden);
  EXPECT_EQ(purge(ask("configmaps", {"spec.nothing"})).code(), Code::kBadRequest);
  EXPECT_EQ(purge(ask("configmaps", {"metadata.name"})).code(), Code::kBadRequest);
  wire::RequestT r = ask("configmaps", {"data.password"});
  r.operations[0]->name = "nobody";
  EXPECT_EQ(purge(std::move(r)).code(), Code::kNotFound);
  r = ask("configmaps", {"data.password"});
  r.operations[0]->continue_token = "soon";
  EXPECT_EQ(w.call(std::move(r)).code(), Code::kConflict);
}

}  // namespace
}  // namespace kubus::store::testing
