// Segments: group commit, recovery, torn tails, stale bytes, damage, rolling and recycling; and the
// memory journal alike.
#include "services/store/journal/journal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "services/store/journal/crc32c.h"
#include "services/store/journal/memory.h"
#include "services/store/journal/segment.h"
#include "services/store/journal/segment_format.h"

namespace kubus::store {
namespace {

namespace fs = std::filesystem;

class QueuedWorkers : public bus::Workers {
 public:
  void run(std::string_view lane, std::function<void()> job, std::function<void()> done) override {
    jobs_.push_back({std::string(lane), std::move(job), std::move(done)});
  }
  void run_all() {
    while (!jobs_.empty()) {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      job.job();
      job.done();
    }
  }

 private:
  struct Job {
    std::string lane;
    std::function<void()> job, done;
  };
  std::deque<Job> jobs_;
};

class TempDir {
 public:
  TempDir() {
    std::string pattern = fs::temp_directory_path() / "kubus-journal-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() { fs::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The text of the batch with those revisions; different for each, of many sizes.
std::string body_of(uint64_t first) {
  return "batch " + std::to_string(first) +
         std::string(first * 37 % 900, static_cast<char>('a' + first % 26));
}

class SegmentTest : public ::testing::Test {
 protected:
  void TearDown() override { journal_.reset(); }

  Status open(uint64_t applied = 0, const Chain& chain = {}) {
    journal_.reset();
    recovered_.clear();
    auto opened = open_segments({dir_.path(), segment_bytes_, 2}, workers_);
    if (!opened.ok()) return opened.error();
    journal_ = *std::move(opened);
    auto durable = journal_->recover(Revision(applied), chain, [this](const JournalEntry& e) {
      recovered_.push_back(e.first.value());
      EXPECT_EQ(as_text(e.parts[0].view()), body_of(e.first.value()));
      next_ = e.last.value() + 1;
      return Result<std::vector<ByteView>>(std::vector<ByteView>{e.parts[0].view()});
    });
    if (!durable.ok()) return durable.error();
    for (const Durable& d : *durable) chains_[d.last.value()] = d.chain;
    JournalHandler handler;
    handler.committed = [this](auto all) {
      for (const Durable& d : all) {
        committed_.push_back(d.last.value());
        chains_[d.last.value()] = d.chain;
      }
    };
    handler.lost = [this](const Error& e) { lost_ = e.message; };
    handler.role = [](Role, uint64_t) {};
    journal_->start(std::move(handler));
    return {};
  }
  void must_open(uint64_t applied = 0, const Chain& chain = {}) {
    Status s = open(applied, chain);
    ASSERT_TRUE(s.ok()) << s.error().message;
  }
  // Batches of one revision each.
  void append(int n) {
    for (int i = 0; i < n; ++i, ++next_) {
      JournalEntry e{Revision(next_), Revision(next_), static_cast<int64_t>(next_), {}, {}};
      std::string body = body_of(next_);
      size_t half = body.size() / 2;  // in two parts
      Payload whole = Payload::copy_of(as_bytes(body));
      e.parts = {whole.part(whole.view().first(half)), whole.part(whole.view().subspan(half))};
      e.records = {whole.view()};
      journal_->append(std::move(e));
    }
  }
  void append_synced(int n) {
    for (int i = 0; i < n; ++i) {
      append(1);
      workers_.run_all();
    }
  }
  std::vector<std::string> segments() {
    std::vector<std::string> names;
    for (const auto& f : fs::directory_iterator(dir_.path())) {
      if (f.path().extension() == ".seg") names.push_back(f.path());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  static void damage(const std::string& file, size_t offset, std::string_view with) {
    std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(static_cast<std::streamoff>(offset));
    f.write(with.data(), static_cast<std::streamsize>(with.size()));
  }
  static Buffer contents(const std::string& file) {
    std::ifstream f(file, std::ios::binary);
    return Buffer(std::istreambuf_iterator<char>(f), {});
  }
  // Where the frame of a revision begins.
  static size_t offset_of(const std::string& file, uint64_t revision) {
    Buffer bytes = contents(file);
    uint64_t id = decode_segment_header(bytes)->id;
    size_t at = kSegmentHeader;
    while (auto frame = read_frame(bytes, id, at)) {
      if (frame->header.first == revision) return at;
      at = frame->end;
    }
    ADD_FAILURE() << "no frame of " << revision;
    return 0;
  }

  TempDir dir_;
  uint64_t segment_bytes_ = 64 << 10;
  QueuedWorkers workers_;
  std::unique_ptr<Journal> journal_;
  std::vector<uint64_t> recovered_, committed_;
  std::map<uint64_t, Chain> chains_;
  std::string lost_;
  uint64_t next_ = 1;
};

std::vector<uint64_t> numbers(uint64_t from, uint64_t to) {
  std::vector<uint64_t> all;
  for (uint64_t i = from; i <= to; ++i) all.push_back(i);
  return all;
}

TEST(Crc32c, known_values) {
  EXPECT_EQ(crc32c(0, as_bytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(crc32c(0, as_bytes("1234")), as_bytes("56789")), 0xe3069283u);
  EXPECT_EQ(crc32c(0, Buffer(32, 0)), 0x8a9136aau);
  EXPECT_EQ(crc32c(0, {}), 0u);
}

TEST_F(SegmentTest, an_empty_directory_is_an_empty_journal) {
  must_open();
  EXPECT_TRUE(recovered_.empty());
}

TEST_F(SegmentTest, what_was_committed_is_recovered) {
  must_open();
  append(3);
  workers_.run_all();
  EXPECT_EQ(committed_, numbers(1, 3));
  EXPECT_EQ(journal_->syncs(), 2u);  // the first alone; the two that waited together
  auto chain = chains_;
  must_open();
  EXPECT_EQ(recovered_, numbers(1, 3));
  EXPECT_EQ(chains_, chain);
  append(2);
  workers_.run_all();
  must_open();
  EXPECT_EQ(recovered_, numbers(1, 5));
  must_open(4, chains_[4]);
  EXPECT_EQ(recovered_, numbers(5, 5));
}

TEST_F(SegmentTest, what_never_ran_is_lost) {
  must_open();
  append_synced(2);
  append(2);
  journal_.reset();
  workers_.run_all();
  must_open();
  EXPECT_EQ(recovered_, numbers(1, 2));
}

TEST_F(SegmentTest, segments_roll_and_are_recycled_and_stale_bytes_are_never_frames) {
  must_open();
  std::mt19937 random(3);
  uint64_t applied = 0;
  size_t most = 0;
  for (int round = 0; round < 60; ++round) {
    append(static_cast<int>(1 + random() % 40));
    workers_.run_all();
    if (random() % 3 == 0) {
      applied = committed_.back() - random() % 20;
      journal_->release(Revision(applied));
      workers_.run_all();
    }
    most = std::max(most, segments().size());
    if (random() % 4 == 0) {
      must_open(applied, applied == 0 ? Chain() : chains_[applied]);
      ASSERT_EQ(recovered_, numbers(applied + 1, committed_.back()));
    }
  }
  EXPECT_TRUE(lost_.empty());
  EXPECT_GT(committed_.back(), 1000u);
  EXPECT_LT(most, 30u);
}

TEST_F(SegmentTest, a_batch_larger_than_a_segment_gets_its_own) {
  segment_bytes_ = 8 << 10;
  must_open();
  append(1);
  JournalEntry e{Revision(2), Revision(2), 0, {}, {}};
  Payload big(Buffer(100'000, 'x'));
  e.parts = {big};
  journal_->append(std::move(e));
  workers_.run_all();
  EXPECT_EQ(committed_, numbers(1, 2));
  next_ = 3;
  append(1);
  workers_.run_all();
  EXPECT_EQ(committed_, numbers(1, 3));
  ASSERT_EQ(segments().size(), 3u);
  EXPECT_GT(fs::file_size(segments()[1]), 100'000u);
}

TEST_F(SegmentTest, a_torn_tail_is_cut_off_at_every_byte) {
  must_open();
  append_synced(3);
  std::string file = segments()[0];
  size_t begin = offset_of(file, 3), end = begin + frame_size(body_of(3).size());
  journal_.reset();
  Buffer whole = contents(file);
  for (size_t cut = begin; cut < end; cut += cut < begin + 60 ? 1 : 13) {
    for (const std::string& s : segments()) fs::remove(s);
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(whole.data()), static_cast<std::streamsize>(cut));
    std::ofstream(file, std::ios::binary | std::ios::app) << std::string(whole.size() - cut, '\0');
    next_ = 1;
    must_open();
    ASSERT_EQ(recovered_, numbers(1, 2)) << cut;
    append(1);
    workers_.run_all();
    must_open();
    ASSERT_EQ(recovered_, numbers(1, 3)) << cut;
  }
}

// The sectors of a group may reach the disk in any order: a hole before sound frames of the same,
// unacknowledged group is a torn tail, and those frames must not come back later.
TEST_F(SegmentTest, a_hole_within_an_unacknowledged_group_is_torn) {
  must_open();
  append_synced(2);
  append(4);  // 3 alone, then 4 to 6 in one group
  workers_.run_all();
  std::string file = segments()[0];
  size_t hole = offset_of(file, 4);
  journal_.reset();
  damage(file, hole, std::string(48, '\0'));
  must_open();
  EXPECT_EQ(recovered_, numbers(1, 3));
  append_synced(1);  // another 4, as long as the one before
  must_open();
  EXPECT_EQ(recovered_, numbers(1, 4));
}

TEST_F(SegmentTest, damage_before_acknowledged_batches_is_an_error) {
  must_open();
  append_synced(5);
  std::string file = segments()[0];
  size_t at = offset_of(file, 3);
  journal_.reset();
  damage(file, at + 50, "!!!");
  Status s = open();
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().code, Code::kInvalid);
  EXPECT_NE(s.error().message.find(file), std::string::npos) << s.error().message;
  EXPECT_NE(s.error().message.find("offset " + std::to_string(at)), std::string::npos)
      << s.error().message;
}

TEST_F(SegmentTest, damage_before_a_later_segment_is_an_error_unless_applied) {
  segment_bytes_ = 8 << 10;
  must_open();
  append_synced(40);
  ASSERT_GT(segments().size(), 3u);
  std::string file = segments()[1];
  auto first = decode_segment_header(contents(file))->first.value();
  size_t at = offset_of(file, first + 1);
  journal_.reset();
  damage(file, at + 50, "!!!");
  Status s = open();
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().code, Code::kInvalid);
  EXPECT_NE(s.error().message.find(file + " is damaged at offset " + std::to_string(at)),
            std::string::npos)
      << s.error().message;
  must_open(39, chains_[39]);
  EXPECT_EQ(recovered_, numbers(40, 40));
  journal_.reset();
  fs::remove(segments()[2]);
  EXPECT_FALSE(open(first).ok());
}

TEST_F(SegmentTest, a_foreign_chain_is_an_error) {
  must_open();
  append_synced(4);
  Chain wrong{};
  wrong[0] = 1;
  Status s = open(2, wrong);
  ASSERT_FALSE(s.ok());
  EXPECT_NE(s.error().message.find("chain"), std::string::npos);
}

TEST_F(SegmentTest, a_newer_format_a_damaged_header_and_a_short_file_are_errors) {
  must_open();
  append_synced(2);
  std::string file = segments()[0];
  journal_.reset();
  Buffer whole = contents(file);
  damage(file, 8, std::string_view("\x63\0\0\0", 4));
  EXPECT_NE(open().error().message.find("has format 99"), std::string::npos);
  damage(file, 8, as_text(ByteView(whole).subspan(8, 4)));
  damage(file, 16, "x");
  EXPECT_NE(open().error().message.find("damaged header"), std::string::npos);
  fs::resize_file(file, 100);
  EXPECT_NE(open().error().message.find(file), std::string::npos);
}

TEST_F(SegmentTest, one_store_at_a_time) {
  must_open();
  QueuedWorkers other;
  auto second = open_segments({dir_.path(), segment_bytes_, 2}, other);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("another store"), std::string::npos);
}

TEST_F(SegmentTest, tables_ahead_of_a_lost_journal_go_on) {
  must_open(10, Chain{});
  next_ = 11;
  append_synced(2);
  must_open(10, Chain{});
  EXPECT_EQ(recovered_, numbers(11, 12));
}

TEST_F(SegmentTest, an_acknowledged_batch_survives_a_kill) {
  segment_bytes_ = 16 << 10;
  for (int round = 0; round < 4; ++round) {
    int told[2];
    ASSERT_EQ(pipe(told), 0);
    must_open();
    journal_.reset();
    pid_t child = fork();
    if (child == 0) {
      must_open();
      for (;;) {
        append(1 + round * 3);
        workers_.run_all();
        uint64_t last = committed_.back();
        if (!lost_.empty() || write(told[1], &last, sizeof(last)) != sizeof(last)) _exit(1);
      }
    }
    close(told[1]);
    uint64_t last = 0;
    for (int i = 0; i < 30; ++i)
      ASSERT_EQ(read(told[0], &last, sizeof(last)), ssize_t{sizeof(last)});
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(told[0], &last, sizeof(last)) == sizeof(last)) {
    }
    close(told[0]);
    must_open();
    ASSERT_FALSE(recovered_.empty());
    EXPECT_GE(recovered_.back(), last);
    EXPECT_EQ(recovered_, numbers(1, recovered_.back()));
  }
}

TEST(MemoryJournal, keeps_a_prefix_when_its_disk_fails) {
  QueuedWorkers workers;
  auto log = std::make_shared<MemoryLog>();
  auto journal = open_memory_journal(log, workers);
  std::string lost;
  std::vector<uint64_t> committed;
  journal->start({[&](auto all) {
                    for (const Durable& d : all) committed.push_back(d.last.value());
                  },
                  [&](const Error& e) { lost = e.message; }, [](Role, uint64_t) {}});
  log->fail_after(2);
  for (uint64_t i = 1; i <= 4; ++i) {
    journal->append({Revision(i), Revision(i), 0, {Payload::copy_of(as_bytes("x"))}, {}});
  }
  workers.run_all();
  EXPECT_EQ(committed, numbers(1, 1));
  EXPECT_FALSE(lost.empty());
  EXPECT_EQ(log->records().size(), 2u);  // the second was written, though its group failed
}

struct OnMemory {
  QueuedWorkers workers;
  std::shared_ptr<MemoryLog> log = std::make_shared<MemoryLog>();
  std::unique_ptr<Journal> journal;

  Result<std::vector<Durable>> open() {
    journal = open_memory_journal(log, workers);
    auto recovered = journal->recover(Revision(), Chain{}, [](const JournalEntry& e) {
      return Result<std::vector<ByteView>>(std::vector<ByteView>{e.parts[0].view()});
    });
    journal->start({[](auto) {}, [](const Error&) {}, [](Role, uint64_t) {}});
    return recovered;
  }
  void append(uint64_t from, uint64_t to) {
    for (uint64_t i = from; i <= to; ++i) {
      Payload body = Payload::copy_of(as_bytes("batch " + std::to_string(i)));
      journal->append({Revision(i), Revision(i), 0, {body}, {body.view()}});
    }
  }
};

TEST(MemoryJournal, a_torn_group_leaves_a_prefix) {
  std::set<size_t> left;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    OnMemory m;
    ASSERT_TRUE(m.open().ok());
    m.append(1, 4);
    m.workers.run_all();
    m.log->tear([seed] { return seed; });
    m.append(5, 5);
    m.append(6, 8);  // waits: its group has not begun
    auto recovered = m.open();
    ASSERT_TRUE(recovered.ok());
    left.insert(recovered->size());
  }
  EXPECT_EQ(left, (std::set<size_t>{4, 5}));
}

TEST(MemoryJournal, what_has_rotted_is_refused) {
  OnMemory m;
  ASSERT_TRUE(m.open().ok());
  m.append(1, 4);
  m.workers.run_all();
  EXPECT_FALSE(m.log->rot(Revision(5)));
  EXPECT_TRUE(m.log->rot(Revision(3)));
  auto refused = m.open();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("damaged at revision 3"), std::string::npos);
  m.log->release(Revision(3));
  EXPECT_EQ(m.log->records().size(), 1u);
}

}  // namespace
}  // namespace kubus::store
