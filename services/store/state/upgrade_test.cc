// A store of format 2 is opened: its deltas are read as they are, its causes are moved.
#include "services/store/state/upgrade.h"

#include "services/store/state/encoding.h"
#include "services/store/state/state_fixture.h"

namespace kubus::store::testing {
namespace {

// The form that format 2 had: the whole header in front, and the frame with its length, padded.
std::string early_form(const Record& delta) {
  RecordHeader header = delta.header;
  header.format = RecordHeader::kEarlyDelta;
  auto size = static_cast<uint32_t>(delta.delta.size());
  std::string out(reinterpret_cast<const char*>(&header), sizeof(header));
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out.append(as_text(delta.delta));
  out.resize(archive::padded_record(out.size()));
  out.append(as_text(delta.notices));
  out.resize(archive::padded_record(out.size()));
  return out;
}

class UpgradeTest : public StateTest {
 protected:
  static std::string body(int version) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += std::to_string(i * 7919 % 1000) + " ";
    return text + "version " + std::to_string(version);
  }
  // Revisions first … last of "web", each because of the one before.
  void write(int first, int last) {
    for (int i = first; i <= last; ++i) {
      std::vector<uint64_t> causes;
      if (i > 1) causes.push_back(static_cast<uint64_t>(i) - 1);
      Transaction t = state_->begin();
      t.add((i == 1 ? add("web", body(i)) : modify("web", body(i))).change(),
            Origin{"tester", "", "", causes, 0});
      state_->commit(std::move(t), [](Result<Committed> r) { ASSERT_TRUE(r.ok()); });
      settle();
    }
  }
  // The tables as a program of format 2 leaves them.
  void make_early() {
    auto tables = open_memory(tables_);
    auto now = *tables->snapshot();
    std::deque<std::string> memory;
    std::vector<Put> puts;
    auto put = [&](Keyspace space, bool erase, std::string key, std::string value) {
      const std::string& k = memory.emplace_back(std::move(key));
      puts.push_back({space, erase, as_bytes(k), as_bytes(memory.emplace_back(std::move(value)))});
    };
    auto records = now->cursor(Keyspace::kJournal);
    for (records->lower_bound({}); records->valid(); records->next()) {
      auto record = decode_record(records->value());
      if (record->header.format == RecordHeader::kDelta)
        put(Keyspace::kJournal, false, std::string(as_text(records->key())), early_form(*record));
    }
    auto causes = now->cursor(Keyspace::kCauses);
    for (causes->lower_bound({}); causes->valid(); causes->next()) {
      put(Keyspace::kIndex, false, "c" + std::string(as_text(causes->key())), "");
      put(Keyspace::kCauses, true, std::string(as_text(causes->key())), "");
    }
    put(Keyspace::kMeta, false, std::string(kMetaFormat), std::string("\2\0\0\0", 4));
    ASSERT_TRUE(tables->write(puts).ok());
  }
  size_t rows(Keyspace space, std::string_view prefix) {
    auto snapshot = *open_memory(tables_)->snapshot();
    auto at = snapshot->cursor(space);
    size_t n = 0;
    for (at->lower_bound(as_bytes(prefix)); at->valid(); at->next())
      n += as_text(at->key()).starts_with(prefix);
    return n;
  }
  void check(int from, int to) {
    for (int i = from; i <= to; ++i) ASSERT_EQ(at(static_cast<uint64_t>(i), "web"), body(i)) << i;
    ASSERT_TRUE(state_->verify().ok()) << state_->verify().error().message;
  }
};

TEST_F(UpgradeTest, WhatFormat2LeftIsReadWrittenOnAndCompacted) {
  write(1, 4);  // in both formats the first is the base of the next three
  apply();
  crash();
  make_early();
  ASSERT_EQ(rows(Keyspace::kIndex, "c"), 3u);
  open();
  EXPECT_EQ(rows(Keyspace::kIndex, "c"), 0u);
  check(1, 4);
  EXPECT_EQ(state_->committed().effects(Revision(2), 10), std::vector<Revision>{Revision(3)});
  write(5, 20);
  apply();
  check(1, 20);
  for (int horizon : {2, 3, 4, 5, 6, 17}) {
    state_->compact_to(Revision(static_cast<uint64_t>(horizon)));
    apply();
    ASSERT_EQ(state_->committed().compacted().value(), static_cast<uint64_t>(horizon));
    check(horizon, 20);
  }
  reopen();
  check(17, 20);
}

TEST_F(UpgradeTest, APutOfTheJournalIsMeantAsItIsNow) {
  std::string early = "c" + cause_key(5, 7), other = "t" + std::string(16, '\1');
  OverlayPut put;
  put.space = Keyspace::kIndex;
  put.key = as_bytes(early);
  EXPECT_EQ(upgraded(put).space, Keyspace::kCauses);
  EXPECT_EQ(as_text(upgraded(put).key), cause_key(5, 7));
  put.key = as_bytes(other);
  EXPECT_EQ(upgraded(put).space, Keyspace::kIndex);
}

}  // namespace
}  // namespace kubus::store::testing
