// Past versions as deltas: what is read of them, and what compaction leaves.
#include "services/store/state/deltas.h"

#include "services/store/state/encoding.h"
#include "services/store/state/state_fixture.h"

namespace kubus::store::testing {
namespace {

class DeltasTest : public StateTest {
 protected:
  static std::string body(int version) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += std::to_string(i * 7919 % 1000) + " ";
    return text + "version " + std::to_string(version);
  }
  // Revisions 1 … n of "web".
  void write(int n, int at_once = 1) {
    for (int i = 1; i <= n; ++i) {
      commit({i == 1 ? add("web", body(1)) : modify("web", body(i))});
      if (i % at_once == 0) apply();
    }
    apply();
  }
  std::unique_ptr<Cursor> records() {
    snapshot_ = *open_memory(tables_)->snapshot();
    auto cursor = snapshot_->cursor(Keyspace::kJournal);
    cursor->lower_bound({});
    return cursor;
  }
  size_t count(uint8_t format) {
    size_t n = 0;
    for (auto at = records(); at->valid(); at->next())
      n += decode_record(at->value())->header.format == format;
    return n;
  }
  // All that can be read is as it was written.
  void check(int from, int to) {
    for (int i = from; i <= to; ++i) ASSERT_EQ(at(static_cast<uint64_t>(i), "web"), body(i)) << i;
    ASSERT_TRUE(state_->verify().ok()) << state_->verify().error().message;
  }
  void compact(int horizon) {
    state_->compact_to(Revision(static_cast<uint64_t>(horizon)));
    apply();
    ASSERT_EQ(state_->committed().compacted().value(), static_cast<uint64_t>(horizon));
  }

  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(DeltasTest, OnlyTheFirstIsWhole) {
  write(40);
  EXPECT_EQ(count(RecordHeader::kFull), 1u);
  EXPECT_EQ(count(RecordHeader::kDelta), 39u);
  check(1, 40);
  reopen();
  check(1, 40);
}

TEST_F(DeltasTest, ManyVersionsInOneWriteOfTheTables) {
  write(40, 13);
  EXPECT_EQ(count(RecordHeader::kDelta), 39u);
  check(1, 40);
}

TEST_F(DeltasTest, EventsAndHistoryAreWhole) {
  write(20);
  View v = state_->committed();
  for (const Lane& lane : {Lane{}, Lane{&maps_, "", "", ""}, Lane{&maps_, "default", "", ""},
                           Lane{&maps_, "default", "web", ""}}) {
    auto page = v.events_after(lane, Revision(0), 1 << 20);
    ASSERT_TRUE(page.ok());
    ASSERT_EQ(page->events.size(), 20u);
    for (size_t i = 0; i < 20; ++i) {
      const auto* object = event_of(page->events[i]).object();
      EXPECT_EQ(as_text({object->data(), object->size()}), body(static_cast<int>(i) + 1));
    }
  }
  EXPECT_EQ(v.history(maps_, "default", "web", Revision(), 100, 1 << 20).events.size(), 20u);
}

TEST_F(DeltasTest, CompactionKeepsWhatOthersHangOn) {
  for (int horizon = 1; horizon <= 40; ++horizon) {
    tables_ = std::make_shared<MemoryTables>();
    log_ = std::make_shared<MemoryLog>();
    reopen();
    write(40);
    compact(horizon);
    check(horizon, 40);
    commit({modify("web", body(41))});  // what was the latest is superseded now
    apply();
    check(horizon, 41);
  }
}

TEST_F(DeltasTest, AGroupEndsAndAnotherBegins) {
  write(1100, 64);
  EXPECT_EQ(count(RecordHeader::kFull), 5u);
  check(1, 1100);
  for (int horizon :
       {3, 4, 5, 15, 16, 17, 21, 64, 200, 255, 256, 257, 258, 600, 1024, 1025, 1099}) {
    compact(horizon);
    check(horizon, 1100);
  }
  EXPECT_LE(count(RecordHeader::kFull) + count(RecordHeader::kDelta), 5u);
}

TEST_F(DeltasTest, NothingIsLeftOfWhatIsGone) {
  write(40);
  for (int horizon = 3; horizon < 40; horizon += 3) compact(horizon);
  commit({remove("web")});
  apply();
  EXPECT_EQ(at(40, "web"), body(40));
  compact(41);
  EXPECT_FALSE(records()->valid());
  auto latest = snapshot_->cursor(Keyspace::kLatest);
  latest->lower_bound({});
  EXPECT_FALSE(latest->valid());
}

TEST_F(DeltasTest, ADeletionEndsTheLife) {
  write(5);
  commit({remove("web", body(6))});
  commit({add("web", body(7))});
  commit({modify("web", body(8))});
  apply();
  EXPECT_EQ(at(6, "web"), "-");
  EXPECT_EQ(at(7, "web"), body(7));
  EXPECT_EQ(count(RecordHeader::kFull), 2u);  // both beginnings
  check(1, 5);
  compact(7);
  EXPECT_EQ(at(7, "web"), body(7));
  check(7, 8);
}

TEST_F(DeltasTest, EffectsAreFoundUntilTheyAreCompacted) {
  commit({add("cause", "x")});
  Transaction t = state_->begin();
  t.add(add("effect", "y").change(), Origin{"tester", "", "", {1, 1, 99}, 0});
  state_->commit(std::move(t), [](Result<Committed>) {});
  apply();
  EXPECT_EQ(state_->committed().effects(Revision(1), 10), std::vector<Revision>{Revision(2)});
  EXPECT_TRUE(state_->committed().effects(Revision(99), 10).empty());
  compact(2);
  EXPECT_TRUE(state_->committed().effects(Revision(1), 10).empty());
}

}  // namespace
}  // namespace kubus::store::testing
