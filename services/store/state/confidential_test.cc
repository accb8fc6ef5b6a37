// Bodies of confidential kinds at rest: sealed wherever they lie, read whole, sealed anew under a
// newer key while others write, whatever dies meanwhile.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "bus/secrets/seal.h"
#include "services/store/engine/lmdb.h"
#include "services/store/journal/segment.h"
#include "services/store/state/encoding.h"
#include "services/store/state/state_fixture.h"

namespace kubus::store::testing {
namespace {

constexpr const char* kPassword = "hunter2-and-more";

secrets::Key key(uint8_t n) {
  secrets::KeyBytes bytes;
  bytes.fill(n);
  return secrets::key_of(bytes, "");
}

class ConfidentialTest : public StateTest {
 protected:
  void SetUp() override {
    give({1});
    StateTest::SetUp();
  }
  // The key file's content, the newest first. None: the store runs without.
  void give(std::vector<uint8_t> keys) {
    ring_ = {};
    for (auto k = keys.rbegin(); k != keys.rend(); ++k) ring_.add_newest(key(*k));
    options_.read_keys = nullptr;
    if (!keys.empty()) options_.read_keys = [this]() -> Result<secrets::KeyRing> { return ring_; };
  }
  Edit secret(ChangeType type, const std::string& name, const std::string& body) {
    return {type, &secrets_, "default", name, body};
  }
  void write_some(int n) {
    for (int i = 0; i < n; ++i) {
      std::string name = "s" + std::to_string(written_);
      commit({secret(ChangeType::kAdded, name, kPassword + std::to_string(written_++))});
    }
    settle();
  }
  void expect_all() {
    for (int i = 0; i < written_; ++i) {
      ASSERT_EQ(text(state_->committed().find(secrets_, "default", "s" + std::to_string(i))),
                kPassword + std::to_string(i));
    }
    Status s = state_->verify();
    EXPECT_TRUE(s.ok()) << s.error().message;
  }
  // How many bodies in the tables lie under which key; 0: plain.
  std::map<uint64_t, int> keys_in_use() {
    std::map<uint64_t, int> out;
    auto snapshot = open_memory(tables_)->snapshot().value();
    auto at = snapshot->cursor(Keyspace::kSecrets);
    for (at->lower_bound({}); at->valid(); at->next()) {
      auto header = secrets::header_of(at->value());
      ++out[header ? header->key_id : 0];
    }
    return out;
  }
  bool shown_anywhere(std::string_view what) {
    for (const auto& record : log_->records()) {
      if (as_text(record.bytes).find(what) != std::string_view::npos) return true;
    }
    auto snapshot = open_memory(tables_)->snapshot().value();
    for (size_t space = 0; space < kKeyspaces; ++space) {
      auto at = snapshot->cursor(static_cast<Keyspace>(space));
      for (at->lower_bound({}); at->valid(); at->next()) {
        if (as_text(at->value()).find(what) != std::string_view::npos) return true;
      }
    }
    return false;
  }
  void finish_rekey() {
    for (int i = 0; i < 200 && !state_->rekey()->done; ++i) apply();
    ASSERT_TRUE(state_->rekey()->done);
    apply();
  }

  secrets::KeyRing ring_;
  int written_ = 0;
};

TEST_F(ConfidentialTest, nothing_of_a_body_lies_in_the_clear) {
  write_some(3);
  EXPECT_FALSE(shown_anywhere(kPassword));
  apply();
  EXPECT_FALSE(shown_anywhere(kPassword));
  EXPECT_EQ(keys_in_use(), (std::map<uint64_t, int>{{key(1).id, 3}}));
  expect_all();
  reopen();
  expect_all();
}

TEST_F(ConfidentialTest, without_the_key_the_store_does_not_start_and_says_which) {
  write_some(1);
  for (bool applied : {false, true}) {
    if (applied) apply();
    crash();
    give({2});
    Status s = try_open();
    ASSERT_FALSE(s.ok());
    EXPECT_EQ(s.error().code, Code::kInvalid);
    EXPECT_NE(s.error().message.find(secrets::id_text(key(1).id)), std::string::npos);
    give({});
    s = try_open();
    ASSERT_FALSE(s.ok());
    EXPECT_NE(s.error().message.find("no key is given"), std::string::npos) << s.error().message;
    options_.closed_secrets = true;  // a reader that need not see them
    ASSERT_TRUE(try_open().ok());
    EXPECT_EQ(text(state_->committed().find(secrets_, "default", "s0")), "meta");
    crash();
    options_.closed_secrets = false;
    give({1});
    open();
    expect_all();
  }
}

TEST_F(ConfidentialTest, a_body_altered_at_rest_is_found_at_the_start) {
  write_some(1);
  apply();
  crash();
  ASSERT_TRUE(tables_->rot(Keyspace::kSecrets, revision_key(Revision(1)), 90));
  Status s = try_open();
  ASSERT_FALSE(s.ok());
  EXPECT_NE(s.error().message.find("revision 1"), std::string::npos) << s.error().message;
}

TEST_F(ConfidentialTest, a_newer_key_takes_over_while_others_write) {
  write_some(600);
  apply();
  give({2, 1});
  auto progress = state_->rekey();
  ASSERT_TRUE(progress.ok());
  EXPECT_FALSE(progress->done);
  EXPECT_EQ(progress->left, 600u);
  write_some(10);
  finish_rekey();
  EXPECT_EQ(state_->rekey()->changed, 600u);
  EXPECT_EQ(keys_in_use(), (std::map<uint64_t, int>{{key(2).id, 610}}));
  expect_all();
  crash();
  give({2});
  open();
  expect_all();
}

TEST_F(ConfidentialTest, a_step_is_bounded) {
  write_some(600);
  apply();
  give({2, 1});
  ASSERT_TRUE(state_->rekey().ok());
  world_->clock.advance(std::chrono::milliseconds(100));
  world_->workers.step("apply");
  EXPECT_EQ(state_->rekey()->changed, 256u);
}

TEST_F(ConfidentialTest, sealing_anew_goes_on_after_a_death) {
  write_some(600);
  apply();
  give({2, 1});
  ASSERT_TRUE(state_->rekey().ok());
  world_->clock.advance(std::chrono::milliseconds(100));
  world_->workers.step("apply", false);  // written, and never told of
  reopen();
  EXPECT_EQ(keys_in_use()[key(2).id], 256);
  EXPECT_FALSE(state_->rekey()->done);
  finish_rekey();
  EXPECT_EQ(keys_in_use(), (std::map<uint64_t, int>{{key(2).id, 600}}));
  expect_all();
}

TEST_F(ConfidentialTest, plain_bodies_of_before_are_read_and_sealed) {
  crash();
  tables_ = std::make_shared<MemoryTables>();
  log_ = std::make_shared<MemoryLog>();
  give({});
  open();
  write_some(5);
  apply();
  write_some(5);  // these lie in the journal alone
  EXPECT_TRUE(shown_anywhere(kPassword));
  EXPECT_FALSE(state_->rekey().ok());
  crash();
  give({1});
  open();
  expect_all();
  finish_rekey();
  EXPECT_FALSE(shown_anywhere(kPassword));
  EXPECT_EQ(keys_in_use(), (std::map<uint64_t, int>{{key(1).id, 10}}));
  expect_all();
  reopen();
  expect_all();
}

TEST_F(ConfidentialTest, a_key_in_use_may_not_leave_the_file) {
  write_some(300);
  apply();
  give({2});
  auto refused = state_->rekey();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find(secrets::id_text(key(1).id)), std::string::npos);
  write_some(1);  // still under the old key
  expect_all();
  give({2, 1});
  finish_rekey();
  give({2});
  EXPECT_TRUE(state_->rekey().ok());
  write_some(1);
  expect_all();
}

TEST_F(ConfidentialTest, compaction_and_sealing_anew_do_not_meet) {
  for (int i = 0; i < 300; ++i) {
    ChangeType type = i == 0 ? ChangeType::kAdded : ChangeType::kModified;
    commit({secret(type, "one", kPassword + std::to_string(i))});
  }
  settle();
  apply();
  give({2, 1});
  ASSERT_TRUE(state_->rekey().ok());
  state_->compact_to(Revision(290));
  finish_rekey();
  for (int i = 0; i < 20; ++i) apply();
  EXPECT_EQ(state_->committed().compacted(), Revision(290));
  EXPECT_EQ(keys_in_use(), (std::map<uint64_t, int>{{key(2).id, 11}}));
  expect_all();
}

// ---- on files ----

class ConfidentialFilesTest : public ConfidentialTest {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "kubus-secrets-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    give({});
    StateTest::SetUp();
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
  std::vector<std::string> files_with(std::string_view what) {
    std::vector<std::string> out;
    for (const auto& f : std::filesystem::recursive_directory_iterator(directory_)) {
      if (!f.is_regular_file()) continue;
      std::ifstream in(f.path(), std::ios::binary);
      std::string all(std::istreambuf_iterator<char>(in), {});
      if (all.find(what) != std::string::npos) out.push_back(f.path().filename());
    }
    return out;
  }

  std::string directory_;
};

TEST_F(ConfidentialFilesTest, what_was_plain_leaves_the_files) {
  for (int i = 0; i < 40; ++i) {
    write_some(10);
    apply();
  }
  EXPECT_GE(files_with(kPassword).size(), 2u);
  crash();
  give({1});
  open();
  for (int i = 0; i < 20 && !state_->rekey()->done; ++i) apply();
  apply();
  for (const std::string& name : files_with(kPassword)) EXPECT_EQ(name, "data.mdb");
  reopen();
  EXPECT_EQ(files_with(kPassword), std::vector<std::string>{});
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/tables/scrub"));
  expect_all();
  write_some(10);
  apply();
  reopen();
  expect_all();
}

}  // namespace
}  // namespace kubus::store::testing
