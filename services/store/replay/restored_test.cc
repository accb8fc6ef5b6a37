#include "services/store/replay/restored.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "schemas/lib/codec/codec.h"
#include "services/store/replay/testing/archived.h"
#include "services/store/restore/load.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store {
namespace {

using std::chrono::seconds;

struct RestoredTest : ::testing::Test {
  RestoredTest() {
    w.create_node("n1");
    w.create("secrets", "default", R"({"metadata":{"name":"s"},"stringData":{"a":"1"}})");
    for (int i = 0; i < 30; ++i) {
      std::string name = "p" + std::to_string(i % 7);
      if (w.get("pods", "default", name)) w.remove("pods", "default", name);
      w.create_pod(name, i % 2 == 0 ? "n1" : "");
      w.create("configmaps", "default", R"({"metadata":{"name":"m"},"data":{"a":"1"}})");
      w.patch("configmaps", "default", "m", R"({"data":{"a":")" + std::to_string(i) + "\"}}");
      if (i % 10 == 9) w.remove("configmaps", "default", "m");
    }
    w.world.settle();
  }
  testing::Archived archived(bool with_secrets = true) {
    auto out = testing::fetch_archived(
        w.host("admin").ports(), w.client("admin"),
        [&](const auto& done) { return w.world.run_until(done); }, with_secrets, 4000);
    EXPECT_TRUE(out) << out.error().message;
    return *std::move(out);
  }
  std::unique_ptr<State> loaded(const testing::Archived& from) {
    auto tables = testing::load(from);
    EXPECT_TRUE(tables) << (tables ? "" : tables.error().message);
    auto state = open_restored(w.host("restored").ports(), open_memory(*tables));
    EXPECT_TRUE(state) << (state ? "" : state.error().message);
    return *std::move(state);
  }
  static std::map<std::string, std::pair<uint64_t, std::string>> listed(const View& view,
                                                                        std::string_view resource,
                                                                        uint64_t at) {
    std::map<std::string, std::pair<uint64_t, std::string>> out;
    ListQuery query;
    query.kind = &testing::kind(resource);
    query.revision = Revision(at);
    query.limit = 0;
    ListPage page;
    EXPECT_TRUE(view.list(query, &page));
    for (const Stored& s : page.items) {
      Object o = s.object(*query.kind);
      out[std::string(o.name())] = {s.revision.value(), std::string(as_text(s.bytes.view()))};
    }
    return out;
  }
  void expect_same(const View& live, const View& restored) {
    ASSERT_EQ(restored.revision(), live.revision());
    ASSERT_EQ(restored.compacted(), live.compacted());
    for (uint64_t r = std::max<uint64_t>(1, live.compacted().value()); r <= live.revision().value();
         ++r) {
      for (const char* resource : {"pods", "configmaps", "nodes"})
        ASSERT_EQ(listed(restored, resource, r), listed(live, resource, r)) << resource << r;
    }
    std::vector<Lane> lanes = w.store().state().all_lanes();
    lanes.emplace_back();
    for (const Lane& lane : lanes) {
      EXPECT_EQ(restored.head(lane), live.head(lane));
      auto a = restored.events_after(lane, live.compacted(), 64 << 20);
      auto b = live.events_after(lane, live.compacted(), 64 << 20);
      ASSERT_EQ(a->events.size(), b->events.size());
      for (size_t i = 0; i < a->events.size(); ++i)
        EXPECT_TRUE(std::ranges::equal(a->events[i].view(), b->events[i].view()));
    }
  }

  testing::StoreWorld w{9};
};

TEST_F(RestoredTest, WhatIsLoadedReadsAsTheStoreDoes) {
  auto state = loaded(archived());
  expect_same(w.store().state().committed(), state->committed());
  EXPECT_TRUE(state->verify());
}

TEST_F(RestoredTest, AlsoAfterACompaction) {
  w.store().state().compact_to(Revision(40));
  w.world.run_for(seconds(5));
  ASSERT_GE(w.store().state().committed().compacted(), Revision(40));
  auto state = loaded(archived());
  expect_same(w.store().state().committed(), state->committed());
  EXPECT_TRUE(state->verify());
}

TEST_F(RestoredTest, SecretsStayWhereTheyAreUnlessAskedFor) {
  testing::Archived without = archived(false);
  auto state = loaded(without);
  auto s = state->committed().find(testing::kind("secrets"), "default", "s");
  ASSERT_TRUE(s);
  Object secret = s.object(testing::kind("secrets"));
  EXPECT_EQ(secret.name(), "s");
  EXPECT_EQ(codec::to_value(testing::kind("secrets"), secret.bytes()).as_object().count("data"),
            0u);
  for (const Payload& page : without.pages)
    EXPECT_EQ(as_text(page.view()).find("stringData"), std::string_view::npos);
}

TEST_F(RestoredTest, ThroughAFile) {
  auto path = std::filesystem::temp_directory_path() / "kubus-restored-test.kubus";
  ASSERT_TRUE(testing::write_file(archived(), path));
  auto tables = std::make_shared<MemoryTables>();
  auto engine = open_memory(tables);
  auto loaded = load_archive(path, engine.get());
  ASSERT_TRUE(loaded) << loaded.error().message;
  auto state = open_restored(w.host("restored").ports(), std::move(engine));
  ASSERT_TRUE(state);
  expect_same(w.store().state().committed(), (*state)->committed());
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  auto other = open_memory(std::make_shared<MemoryTables>());
  auto cut = load_archive(path, other.get());
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find("cut short"), std::string::npos) << cut.error().message;
  std::filesystem::remove(path);
}

TEST_F(RestoredTest, ARangeThatIsNotThereIsRefused) {
  auto request = [&](uint64_t after, uint64_t to) {
    wire::RequestT r;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Archive;
    op->after = after;
    op->revision = to;
    r.operations.push_back(std::move(op));
    return r;
  };
  EXPECT_EQ(w.call(request(0, 100'000)).code(), Code::kBadRequest);
  w.store().state().compact_to(Revision(40));
  w.world.run_for(seconds(5));
  EXPECT_EQ(w.call(request(10, 0)).code(), Code::kExpired);
  EXPECT_EQ(w.call(request(0, 0), "scheduler").code(), Code::kForbidden);
}

}  // namespace
}  // namespace kubus::store
