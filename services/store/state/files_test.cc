// The state on real files, in a process that is killed: every acknowledged revision is there
// afterwards, and everything that is there is right.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "services/store/engine/lmdb.h"
#include "services/store/journal/segment.h"
#include "services/store/state/state_fixture.h"

namespace kubus::store::testing {
namespace {

class FilesTest : public StateTest {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "kubus-state-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    options_.apply_changes = 64;
    options_.apply_delay = std::chrono::nanoseconds(0);
    options_.keep_revisions = 300;
    options_.keep_time = std::chrono::nanoseconds(0);
    options_.compact_step = 64;
    open();
  }
  void TearDown() override {
    crash();
    std::filesystem::remove_all(directory_);
  }
  std::unique_ptr<Engine> engine() override {
    return open_lmdb({directory_ + "/tables", 1 << 30, 64}).value();
  }
  std::unique_ptr<Journal> journal() override {
    return open_segments({directory_ + "/journal", 64 << 10, 2}, world_->workers).value();
  }

  static std::string body_of(uint64_t revision) {
    return "r" + std::to_string(revision) + std::string(revision * 131 % 1500, 'b');
  }
  // What revision `r` changes is a function of r and of what is there.
  static Edit edit_of(uint64_t r, bool there, const schema::KindInfo* kind) {
    ChangeType type = !there       ? ChangeType::kAdded
                      : r % 5 == 0 ? ChangeType::kDeleted
                                   : ChangeType::kModified;
    return {type, kind, "default", "m" + std::to_string(r * 7919 % 61), body_of(r)};
  }
  void write_batch(size_t changes) {
    Transaction t = state_->begin();
    for (size_t i = 0; i < changes; ++i) {
      uint64_t r = t.next_revision().value();
      std::string name = edit_of(r, false, &maps_).name;
      bool there = static_cast<bool>(t.view().revision_of(maps_, "default", name));
      t.add(edit_of(r, there, &maps_).change(), Origin{"tester", "", std::to_string(r), {}, 0});
    }
    state_->commit(std::move(t), [this](Result<Committed> r) { last_ = *std::move(r); });
  }
  [[noreturn]] void write_until_killed(int tell) {
    for (size_t n = 1;; ++n) {
      write_batch(1 + n % 7);
      if (n % 3 == 0) write_batch(2);
      world_->workers.run_all();
      world_->clock.advance(std::chrono::milliseconds(1));
      uint64_t last = last_.last.value();
      if (::write(tell, &last, sizeof(last)) != sizeof(last)) _exit(1);
    }
  }
  void check_all() {
    std::map<std::string, uint64_t> expected;
    View v = state_->committed();
    for (uint64_t r = 1; r <= v.revision().value(); ++r) {
      Edit e = edit_of(r, expected.contains(edit_of(r, false, &maps_).name), &maps_);
      e.type == ChangeType::kDeleted ? void(expected.erase(e.name)) : void(expected[e.name] = r);
    }
    ListPage page;
    ASSERT_TRUE(v.list({.kind = &maps_}, &page).ok());
    ASSERT_EQ(page.items.size(), expected.size());
    for (auto& [name, revision] : expected) ASSERT_EQ(now(name), body_of(revision)) << name;
    Status verified = state_->verify();
    EXPECT_TRUE(verified.ok()) << verified.error().message;
  }

  std::string directory_;
};

TEST_F(FilesTest, every_acknowledged_revision_survives_a_kill) {
  for (int round = 0; round < 6 && !HasFailure(); ++round) {
    crash();
    int told[2];
    ASSERT_EQ(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
      open();
      write_until_killed(told[1]);
    }
    close(told[1]);
    uint64_t last = 0;
    for (int i = 0; i < 20 + round * 17; ++i)
      ASSERT_EQ(read(told[0], &last, sizeof(last)), ssize_t{sizeof(last)});
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(told[0], &last, sizeof(last)) == sizeof(last)) {
    }
    close(told[0]);
    open();
    EXPECT_GE(state_->committed().revision().value(), last);
    check_all();
  }
  EXPECT_GT(state_->committed().compacted(), Revision(0));
}

TEST_F(FilesTest, a_clean_end_leaves_nothing_to_replay) {
  for (int i = 0; i < 50; ++i) write_batch(5);
  settle();
  bool flushed = false;
  state_->flush([&](Status s) { flushed = s.ok(); });
  settle();
  ASSERT_TRUE(flushed);
  reopen();
  EXPECT_EQ(state_->stats().overlay_changes, 0u);
  EXPECT_EQ(state_->committed().revision(), Revision(250));
  EXPECT_TRUE(state_->remembered("tester", "250"));
  check_all();
}

TEST_F(FilesTest, objects_are_aligned_wherever_they_lie) {
  for (size_t size = 1; size < 3000; size += 97) {
    Edit e{ChangeType::kAdded, &maps_, "default", "a" + std::to_string(size),
           std::string(size, 'x')};
    commit({e});
  }
  for (bool applied : {false, true}) {
    applied ? apply() : settle();
    if (applied) reopen();
    ListPage page;
    ASSERT_TRUE(state_->committed().list({.kind = &maps_}, &page).ok());
    ASSERT_EQ(page.items.size(), 31u);
    for (const Stored& item : page.items) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(item.bytes.data()) % 8, 0u) << item.bytes.size();
    }
  }
}

TEST_F(FilesTest, a_journal_of_another_store_is_refused) {
  for (int i = 0; i < 10; ++i) write_batch(5);
  apply();
  crash();
  std::filesystem::rename(directory_ + "/journal", directory_ + "/first");
  std::filesystem::rename(directory_ + "/tables", directory_ + "/first-tables");
  open();
  write_batch(60);
  write_batch(60);
  settle();
  crash();
  std::filesystem::remove_all(directory_ + "/tables");
  std::filesystem::rename(directory_ + "/first-tables", directory_ + "/tables");
  Status s = try_open();
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().code, Code::kInvalid) << s.error().message;
}

}  // namespace
}  // namespace kubus::store::testing
