// A sound state agrees with itself; whatever row of whatever table is lost, added or another, and
// whatever the journal's files hold instead, is named.
#include "services/store/check/check.h"

#include <gtest/gtest.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "services/store/check/segments.h"
#include "services/store/check/tables.h"
#include "services/store/engine/lmdb.h"
#include "services/store/engine/memory.h"
#include "services/store/journal/segment.h"
#include "services/store/restore/rules.h"
#include "services/store/restore/testing/busy_world.h"
#include "services/store/state/upgrade.h"

namespace kubus::store {
namespace {

namespace fs = std::filesystem;
using testing::BusyWorld;

constexpr uint64_t kMapBytes = 1ull << 30;
constexpr const char* kNames[] = {"meta",  "objects", "dead",  "journal", "secrets", "history",
                                  "lanes", "marks",   "index", "audit",   "latest",  "causes"};

struct Row {
  std::string key, value;
};

std::vector<Row> rows_of(const std::shared_ptr<MemoryTables>& tables, Keyspace space) {
  std::vector<Row> rows;
  auto snapshot = open_memory(tables)->snapshot().value();
  auto at = snapshot->cursor(space);
  for (at->lower_bound({}); at->valid(); at->next())
    rows.push_back({std::string(as_text(at->key())), std::string(as_text(at->value()))});
  return rows;
}

Status checked(const std::shared_ptr<MemoryTables>& tables) {
  auto snapshot = open_memory(tables)->snapshot().value();
  auto done = check_tables(*snapshot, {.indexed_of = indexed_of, .keys = nullptr, .each = {}});
  return done ? Status() : Status(done.error());
}

// The tables with some puts on top.
std::shared_ptr<MemoryTables> with(const std::shared_ptr<MemoryTables>& tables,
                                   const std::vector<Put>& puts) {
  auto copy = std::make_shared<MemoryTables>();
  copy->set_roots(tables->roots());
  EXPECT_TRUE(open_memory(copy)->write(puts));
  return copy;
}

class CheckTest : public ::testing::Test {
 protected:
  void expect_named(const std::vector<Put>& puts, const char* what) {
    Keyspace space = puts.front().space;
    const char* name = kNames[static_cast<size_t>(space)];
    Status s = checked(with(tables_, puts));
    ASSERT_FALSE(s) << what << " in " << name;
    EXPECT_EQ(s.error().code, Code::kInvalid);
    // Without a key, a body in another's place shows in the chain alone; a last state that is lost
    // below the horizon shows where its version is looked for.
    auto says = [&](const std::string& text) {
      return s.error().message.find(text) != std::string::npos;
    };
    bool named = says(std::string("table ") + name) ||
                 (space == Keyspace::kSecrets && says("chain of hashes")) ||
                 (space == Keyspace::kJournal && says("table history: revision"));
    EXPECT_TRUE(named) << what << " in " << name << ": " << s.error().message;
  }
  // The first rows, the last ones and some between.
  static std::vector<size_t> some_of(size_t count) {
    std::set<size_t> all;
    for (size_t i = 0; i < std::min<size_t>(count, 40); ++i) all.insert(i * count / 40);
    if (count > 0) all.insert(count - 1);
    return {all.begin(), all.end()};
  }
  void damage(Keyspace space) {
    auto rows = rows_of(tables_, space);
    ASSERT_FALSE(rows.empty()) << kNames[static_cast<size_t>(space)];
    for (size_t i : some_of(rows.size())) {
      expect_named({{space, true, as_bytes(rows[i].key), {}}}, "a lost row");
      std::string more = rows[i].key;
      more.back() = static_cast<char>(more.back() + 1);
      if (i + 1 < rows.size() && rows[i + 1].key == more) continue;
      if (space == Keyspace::kMeta) continue;
      expect_named({{space, false, as_bytes(more), as_bytes(rows[i].value)}}, "another row");
    }
    for (size_t i : some_of(rows.size() - 1)) {
      const Row &a = rows[i], &b = rows[i + 1];
      if (a.value == b.value) continue;
      expect_named({{space, false, as_bytes(a.key), as_bytes(b.value)},
                    {space, false, as_bytes(b.key), as_bytes(a.value)}},
                   "two values that changed their places");
    }
  }

  BusyWorld busy_;
  std::shared_ptr<MemoryTables> tables_;
};

TEST_F(CheckTest, EachTableInTurnIsNamed) {
  busy_.write_history(26);
  busy_.write_versions(1000, 560);  // beyond a mark of its lanes
  tables_ = busy_.store.copy_of_tables();
  Status sound = checked(tables_);
  ASSERT_TRUE(sound) << sound.error().message;
  for (size_t space = 0; space < kKeyspaces; ++space) {
    if (static_cast<Keyspace>(space) != Keyspace::kAudit) damage(static_cast<Keyspace>(space));
  }
  expect_named({{Keyspace::kAudit, false, as_bytes("12345678"), as_bytes("nothing")}}, "a rest");
}

TEST_F(CheckTest, WhatAProgramWithoutCausesLeftIsSound) {
  busy_.write_history(26);
  tables_ = busy_.store.copy_of_tables();
  std::vector<Row> causes = rows_of(tables_, Keyspace::kCauses);
  ASSERT_FALSE(causes.empty());
  std::vector<Put> puts;
  for (const Row& row : causes) puts.push_back({Keyspace::kCauses, true, as_bytes(row.key), {}});
  puts.push_back(
      {Keyspace::kMeta, false, as_bytes(kMetaFormat), as_bytes(std::string_view("\1\0\0\0", 4))});
  auto old = with(tables_, puts);
  EXPECT_FALSE(checked(old));
  uint64_t last = busy_.store.store().state().committed().revision().value();
  ASSERT_TRUE(upgrade_tables(*open_memory(old), Revision(last)));
  Status sound = checked(old);
  EXPECT_TRUE(sound) << sound.error().message;
}

TEST_F(CheckTest, AlsoWhereItWasCompacted) {
  busy_.write_history(26);
  busy_.write_versions(1000, 40);
  auto& state = busy_.store.store().state();
  for (uint64_t horizon : {20u, 61u, 90u, 111u}) {
    state.compact_to(Revision(horizon));
    busy_.store.world.run_for(std::chrono::seconds(5));
    busy_.flush();
    ASSERT_GE(state.committed().compacted(), Revision(horizon));
    tables_ = busy_.store.copy_of_tables();
    Status sound = checked(tables_);
    ASSERT_TRUE(sound) << sound.error().message;
  }
  for (Keyspace space :
       {Keyspace::kObjects, Keyspace::kJournal, Keyspace::kSecrets, Keyspace::kHistory,
        Keyspace::kLanes, Keyspace::kIndex, Keyspace::kLatest, Keyspace::kCauses})
    damage(space);
}

// A record that is sound in itself and says something else.
TEST_F(CheckTest, AnAlteredRecordBreaksTheChain) {
  busy_.write_history(3);
  tables_ = busy_.store.copy_of_tables();
  for (const Row& row : rows_of(tables_, Keyspace::kJournal)) {
    size_t at = row.value.find("xxxx");
    if (at == std::string::npos) continue;
    std::string other = row.value;
    other[at] = 'o';
    Status s =
        checked(with(tables_, {{Keyspace::kJournal, false, as_bytes(row.key), as_bytes(other)}}));
    ASSERT_FALSE(s);
    return;
  }
  FAIL() << "no such record";
}

// ---- on files ----

class FilesCheckTest : public ::testing::Test {
 protected:
  FilesCheckTest() {
    std::string pattern = fs::temp_directory_path() / "kubus-check-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~FilesCheckTest() override {
    state_.reset();
    fs::remove_all(directory_);
  }
  void open(std::chrono::nanoseconds apply_delay, uint64_t keep_revisions = UINT64_MAX) {
    StateOptions o{.cluster_id = "test", .keep_revisions = keep_revisions};
    o.apply_delay = apply_delay;
    if (keep_revisions != UINT64_MAX) {
      o.keep_time = std::chrono::nanoseconds(0);
      o.apply_changes = o.compact_step = 32;
    }
    bus::Ports ports = host_.ports();
    auto engine =
        open_lmdb({.directory = directory_ + "/tables", .map_size = kMapBytes, .readers = 64});
    ASSERT_TRUE(engine) << engine.error().message;
    auto journal = open_segments({directory_ + "/journal", 64 << 10, 2}, ports.workers);
    ASSERT_TRUE(journal) << journal.error().message;
    auto state = State::open(ports, *std::move(engine), *std::move(journal), o);
    ASSERT_TRUE(state) << state.error().message;
    state_ = *std::move(state);
  }
  void write(int batches) {
    int committed = 0;
    for (int i = 0; i < batches; ++i) {
      Transaction t = state_->begin();
      for (int k = 0; k <= i % 3; ++k) change(&t, "m" + std::to_string((i + k) % 7), i);
      state_->commit(std::move(t), [&](Result<Committed> r) { committed += r.ok() ? 1 : 0; });
    }
    ASSERT_TRUE(world_.run_until([&] { return committed == batches; }));
  }
  void change(Transaction* t, const std::string& name, int i) {
    Change c;
    c.kind = &testing::kind("configmaps");
    c.ns = "default";
    c.name = name;
    bool there = static_cast<bool>(t->view().revision_of(*c.kind, c.ns, c.name));
    c.type = there ? ChangeType::kModified : ChangeType::kAdded;
    Buffer object = testing::StoreWorld::encode(
        "configmaps", testing::parse(R"({"metadata":{"name":")" + name +
                                     R"(","namespace":"default"},"data":{"n":")" +
                                     std::to_string(i) + std::string(600, 'x') + "\"}}"));
    c.object = object;
    t->add(c, Origin{"tester", "", "", {}, 0});
  }
  void flush() {
    bool done = false;
    state_->flush([&](Status) { done = true; });
    ASSERT_TRUE(world_.run_until([&] { return done; }));
  }
  CheckOptions options() const {
    return {.directory = directory_, .secrets_keys = "", .map_bytes = kMapBytes};
  }
  // In a process of its own, as it is done beside a store.
  std::string checked_beside() const {
    int told[2];
    EXPECT_EQ(::pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
      auto report = check_state(options());
      std::string said = report ? "sound" : report.error().message;
      _exit(::write(told[1], said.data(), said.size()) < 0);
    }
    ::close(told[1]);
    std::string said(4096, '\0');
    ssize_t n = ::read(told[0], said.data(), said.size());
    said.resize(n < 0 ? 0 : static_cast<size_t>(n));
    ::close(told[0]);
    ::waitpid(child, nullptr, 0);
    return said;
  }
  std::vector<std::string> segments() const {
    std::vector<std::string> out;
    for (const auto& item : fs::directory_iterator(directory_ + "/journal")) {
      if (item.path().extension() == ".seg") out.push_back(item.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static void alter(const std::string& path, size_t at) {
    std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
    f.seekg(static_cast<std::streamoff>(at));
    char c = static_cast<char>(f.get());
    f.seekp(static_cast<std::streamoff>(at));
    f.put(static_cast<char>(c ^ 1));
  }

  std::string directory_;
  bus::sim::World world_{3};
  bus::sim::Host& host_ = world_.add_host("store");
  std::unique_ptr<State> state_;
};

TEST_F(FilesCheckTest, BesideAStoreThatRuns) {
  open(std::chrono::milliseconds(1));
  EXPECT_EQ(checked_beside(), "sound");
  write(300);
  EXPECT_EQ(checked_beside(), "sound");
  flush();
  write(10);
  EXPECT_EQ(checked_beside(), "sound");
  flush();
  state_->compact_to(Revision(200));
  world_.run_for(std::chrono::seconds(3));
  EXPECT_EQ(checked_beside(), "sound");
}

TEST_F(FilesCheckTest, WhatTheJournalAloneHoldsFollows) {
  open(std::chrono::hours(1));
  write(40);
  state_.reset();
  auto report = check_state(options());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->applied, Revision(0));
  EXPECT_GT(report->last, Revision(40));
  auto files = segments();
  ASSERT_GE(files.size(), 1u);
  alter(files.front(), 4096 + 3000);
  auto damaged = check_state(options());
  ASSERT_FALSE(damaged);
  EXPECT_NE(damaged.error().message.find("journal: " + files.front()), std::string::npos)
      << damaged.error().message;
}

// Killed while it is written and compacted: whatever is there then agrees.
TEST_F(FilesCheckTest, AfterACompactionThatWasKilled) {
  std::mt19937_64 random(11);
  Revision horizon;
  for (int round = 0; round < 25 && !HasFatalFailure(); ++round) {
    pid_t child = fork();
    if (child == 0) {
      itimerval end{{}, {0, static_cast<suseconds_t>(10'000 + random() % 60'000)}};
      ::setitimer(ITIMER_REAL, &end, nullptr);  // its signal ends the process then and there
      open(std::chrono::nanoseconds(0), 60);
      while (true) {
        write(7);
        world_.run_for(std::chrono::milliseconds(60));
      }
    }
    random.discard(1);
    ::waitpid(child, nullptr, 0);
    if (!fs::exists(directory_ + "/tables/data.mdb")) continue;
    auto report = check_state(options());
    ASSERT_TRUE(report) << "round " << round << ": " << report.error().message;
    horizon = report->horizon;
  }
  EXPECT_GT(horizon, Revision(0));
}

TEST_F(FilesCheckTest, AJournalOfAnotherPastIsNamed) {
  open(std::chrono::milliseconds(1));
  write(12);
  flush();
  state_.reset();
  fs::rename(directory_ + "/tables", directory_ + "/kept");
  fs::rename(directory_ + "/journal", directory_ + "/gone");
  open(std::chrono::milliseconds(1));
  write(3);
  write(9);
  flush();
  state_.reset();
  fs::remove_all(directory_ + "/tables");
  fs::rename(directory_ + "/kept", directory_ + "/tables");
  auto report = check_state(options());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kInvalid);
  EXPECT_NE(report.error().message.find("journal: "), std::string::npos) << report.error().message;
}

TEST_F(FilesCheckTest, WhereNothingIsNothingIsMade) {
  auto report = check_state(options());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kUnavailable);
  EXPECT_TRUE(fs::is_empty(directory_));
}

}  // namespace
}  // namespace kubus::store
