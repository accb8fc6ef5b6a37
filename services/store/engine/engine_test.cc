// What every adapter of the engine promises, tried on each; then what only files can show.
#include "services/store/engine/engine.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <fstream>
#include <iterator>

#include <filesystem>
#include <map>
#include <random>

#include "services/store/engine/lmdb.h"
#include "services/store/engine/memory.h"

namespace kubus::store {
namespace {

class TempDir {
 public:
  TempDir() {
    std::string pattern = std::filesystem::temp_directory_path() / "kubus-engine-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Put set(Keyspace space, std::string_view key, std::string_view value) {
  return {space, false, as_bytes(key), as_bytes(value)};
}
Put erased(Keyspace space, std::string_view key) {
  return {space, true, as_bytes(key), {}};
}

std::string text(const Snapshot& s, Keyspace space, std::string_view key) {
  auto v = s.get(space, as_bytes(key));
  return v ? std::string(as_text(*v)) : "-";
}

class EngineTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { open(); }
  void open() {
    engine_.reset();
    if (GetParam()) {
      auto opened = open_lmdb({dir_.path() + "/t", 1 << 30, 16});
      ASSERT_TRUE(opened.ok()) << opened.error().message;
      engine_ = *std::move(opened);
    } else {
      engine_ = open_memory(tables_);
    }
  }
  std::shared_ptr<const Snapshot> now() { return engine_->snapshot().value(); }

  TempDir dir_;
  std::shared_ptr<MemoryTables> tables_ = std::make_shared<MemoryTables>();
  std::unique_ptr<Engine> engine_;
};
INSTANTIATE_TEST_SUITE_P(Adapters, EngineTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "lmdb" : "memory"; });

TEST_P(EngineTest, a_snapshot_stays_as_it_was) {
  ASSERT_TRUE(engine_->write({{set(Keyspace::kObjects, "a", "1")}}).ok());
  auto before = now();
  ASSERT_TRUE(
      engine_->write({{set(Keyspace::kObjects, "a", "2"), erased(Keyspace::kObjects, "none")}})
          .ok());
  EXPECT_EQ(text(*before, Keyspace::kObjects, "a"), "1");
  EXPECT_EQ(text(*now(), Keyspace::kObjects, "a"), "2");
  EXPECT_EQ(text(*now(), Keyspace::kDead, "a"), "-");
}

TEST_P(EngineTest, the_later_of_two_puts_wins) {
  ASSERT_TRUE(engine_
                  ->write({{set(Keyspace::kMeta, "k", "1"), erased(Keyspace::kMeta, "k"),
                            set(Keyspace::kMeta, "k", "2"), set(Keyspace::kMeta, "z", "3"),
                            erased(Keyspace::kMeta, "z")}})
                  .ok());
  EXPECT_EQ(text(*now(), Keyspace::kMeta, "k"), "2");
  EXPECT_EQ(text(*now(), Keyspace::kMeta, "z"), "-");
}

TEST_P(EngineTest, what_was_written_survives_reopening) {
  std::string big(300'000, 'x');
  ASSERT_TRUE(engine_->write({{set(Keyspace::kJournal, "k", big)}}).ok());
  open();
  EXPECT_EQ(text(*now(), Keyspace::kJournal, "k"), big);
}

TEST_P(EngineTest, behaves_like_an_ordered_map) {
  std::mt19937_64 random(7);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 60; ++round) {
    std::vector<std::pair<std::string, std::string>> texts(20);
    std::vector<Put> puts;
    for (auto& [k, v] : texts) {
      k = std::string(1 + random() % 3, static_cast<char>(random() % 256));
      v = std::to_string(random());
      bool erase = random() % 3 == 0;
      erase ? void(model.erase(k)) : void(model[k] = v);
      puts.push_back({Keyspace::kIndex, erase, as_bytes(k), as_bytes(v)});
    }
    ASSERT_TRUE(engine_->write(puts).ok());
    auto snapshot = now();
    auto cursor = snapshot->cursor(Keyspace::kIndex);
    std::map<std::string, std::string> seen;
    for (cursor->lower_bound({}); cursor->valid(); cursor->next()) {
      seen.emplace_hint(seen.end(), as_text(cursor->key()), as_text(cursor->value()));
    }
    ASSERT_EQ(seen, model);
    std::string probe(1, static_cast<char>(random() % 256));
    cursor->lower_bound(as_bytes(probe));
    auto expected = model.lower_bound(probe);
    ASSERT_EQ(cursor->valid(), expected != model.end());
    if (!cursor->valid()) continue;
    ASSERT_EQ(as_text(cursor->key()), expected->first);
    cursor->prev();
    ASSERT_EQ(cursor->valid(), expected != model.begin());
    if (cursor->valid()) {
      ASSERT_EQ(as_text(cursor->key()), std::prev(expected)->first);
    }
  }
}

TEST_P(EngineTest, values_of_eight_byte_keys_are_aligned) {
  std::vector<std::string> keys, values;
  for (int i = 0; i < 200; ++i) {
    keys.push_back("key" + std::to_string(10000 + i));
    values.push_back(std::string(8 * (1 + i * 7 % 600), 'v'));
  }
  std::vector<Put> puts;
  for (int i = 0; i < 200; ++i) puts.push_back(set(Keyspace::kJournal, keys[i], values[i]));
  ASSERT_TRUE(engine_->write(puts).ok());
  auto snapshot = now();
  for (const std::string& key : keys) {
    auto value = snapshot->get(Keyspace::kJournal, as_bytes(key));
    ASSERT_TRUE(value);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(value->data()) % 8, 0u) << key;
  }
}

TEST_P(EngineTest, a_snapshot_outlives_its_engine) {
  ASSERT_TRUE(engine_->write({{set(Keyspace::kObjects, "a", "1")}}).ok());
  auto snapshot = now();
  engine_.reset();
  EXPECT_EQ(text(*snapshot, Keyspace::kObjects, "a"), "1");
}

TEST(Lmdb, a_full_map_is_an_error_and_stays_readable) {
  TempDir dir;
  auto engine = open_lmdb({dir.path(), 1 << 20, 16}).value();
  ASSERT_TRUE(engine->write({{set(Keyspace::kObjects, "a", "1")}}).ok());
  std::string big(2 << 20, 'x');
  Status full = engine->write({{set(Keyspace::kObjects, "b", big)}});
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, Code::kUnavailable);
  EXPECT_NE(full.error().message.find("full"), std::string::npos) << full.error().message;
  EXPECT_EQ(text(*engine->snapshot().value(), Keyspace::kObjects, "a"), "1");
  EXPECT_TRUE(engine->write({{erased(Keyspace::kObjects, "a")}}).ok());
}

TEST(Lmdb, a_directory_that_cannot_be_is_named) {
  auto engine = open_lmdb({"/proc/nowhere/tables", 1 << 20, 16});
  ASSERT_FALSE(engine.ok());
  EXPECT_NE(engine.error().message.find("/proc/nowhere/tables"), std::string::npos);
}

TEST(Lmdb, a_killed_writer_leaves_whole_transactions) {
  TempDir dir;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    auto engine = open_lmdb({dir.path(), 1 << 30, 16}).value();
    for (uint64_t i = 1;; ++i) {
      std::string n = std::to_string(i);
      if (!engine->write({{set(Keyspace::kMeta, "a", n), set(Keyspace::kObjects, "b", n)}}).ok())
        _exit(1);
      if (write(ready[1], "x", 1) != 1) _exit(1);
    }
  }
  char c;
  for (int i = 0; i < 5; ++i) ASSERT_EQ(read(ready[0], &c, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  auto engine = open_lmdb({dir.path(), 1 << 30, 16}).value();
  auto snapshot = engine->snapshot().value();
  EXPECT_GE(std::stoi(text(*snapshot, Keyspace::kMeta, "a")), 5);
  EXPECT_EQ(text(*snapshot, Keyspace::kMeta, "a"), text(*snapshot, Keyspace::kObjects, "b"));
}

TEST(Memory, a_failing_write_changes_nothing) {
  auto tables = std::make_shared<MemoryTables>();
  auto engine = open_memory(tables);
  tables->set_failure("disk on fire");
  EXPECT_EQ(engine->write({{set(Keyspace::kMeta, "a", "1")}}).error().message, "disk on fire");
  EXPECT_EQ(text(*engine->snapshot().value(), Keyspace::kMeta, "a"), "-");
}

TEST(Memory, a_rotten_value_is_read_as_it_is_and_older_snapshots_are_sound) {
  auto tables = std::make_shared<MemoryTables>();
  auto engine = open_memory(tables);
  ASSERT_TRUE(engine->write({{set(Keyspace::kMeta, "a", "abc")}}).ok());
  auto before = engine->snapshot().value();
  EXPECT_FALSE(tables->rot(Keyspace::kMeta, "a", 3));
  EXPECT_FALSE(tables->rot(Keyspace::kMeta, "b", 0));
  EXPECT_TRUE(tables->rot(Keyspace::kMeta, "a", 1));
  EXPECT_EQ(text(*engine->snapshot().value(), Keyspace::kMeta, "a"), "arc");
  EXPECT_EQ(text(*before, Keyspace::kMeta, "a"), "abc");
}

// A byte of a value or of a key that changed on the disk is told, by table and key.
TEST(Lmdb, DamageIsToldAtTheStart) {
  for (std::string_view what : {"value-of-b", "key-b"}) {
    TempDir dir;
    {
      auto engine = open_lmdb({dir.path(), 1 << 20, 16}).value();
      for (std::string name : {"a", "b", "c"}) {
        std::string key = "key-" + name, value = "value-of-" + name;
        Put put{Keyspace::kObjects, false, as_bytes(key), as_bytes(value)};
        ASSERT_TRUE(engine->write(std::span(&put, 1)).ok());
      }
    }
    ASSERT_TRUE(open_lmdb({dir.path(), 1 << 20, 16}).ok());
    std::string path = dir.path() + "/data.mdb";
    std::ifstream in(path, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    for (size_t at = bytes.find(what); at != std::string::npos; at = bytes.find(what, at + 1))
      bytes[at + 2] ^= 0x10;
    std::ofstream(path, std::ios::binary) << bytes;
    auto engine = open_lmdb({dir.path(), 1 << 20, 16});
    ASSERT_FALSE(engine.ok());
    EXPECT_EQ(engine.error().code, Code::kInvalid);
    EXPECT_NE(engine.error().message.find("is damaged"), std::string::npos)
        << engine.error().message;
    EXPECT_NE(engine.error().message.find("objects"), std::string::npos) << engine.error().message;
  }
}

}  // namespace
}  // namespace kubus::store
