// The tables in LMDB under power cuts: what LMDB itself writes and syncs is recorded, with restarts
// and kills between, then what a cut may have left at each moment is laid on a disk and opened.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "services/store/engine/lmdb.h"
#include "services/store/power/disk.h"
#include "services/store/power/power_test.h"

namespace kubus::store::power {
namespace {

using Tables = std::map<std::pair<Keyspace, std::string>, std::string>;

std::unique_ptr<Engine> open(const std::string& root, std::string* problem) {
  auto engine = open_lmdb({root + "/tables", 32 << 20, 16});
  if (engine.ok()) return *std::move(engine);
  *problem = engine.error().message;
  return nullptr;
}

Tables read_all(const Engine& engine) {
  Tables out;
  auto snapshot = engine.snapshot().value();
  for (size_t i = 0; i < kKeyspaces; ++i) {
    auto space = static_cast<Keyspace>(i);
    auto cursor = snapshot->cursor(space);
    for (cursor->lower_bound({}); cursor->valid(); cursor->next()) {
      out.emplace(std::pair(space, std::string(as_text(cursor->key()))), as_text(cursor->value()));
    }
  }
  for (const auto& [where, value] : out) {
    auto found = snapshot->get(where.first, as_bytes(where.second));
    EXPECT_TRUE(found && as_text(*found) == value) << where.second;
  }
  return out;
}

// Between which states the tables are, from so many events on.
struct Mark {
  size_t events, returned, begun;  // indices of states
};

class Recording {
 public:
  explicit Recording(uint64_t seed) : random_(seed), disk_(folder_.path()) {
    states_.emplace_back();
    start();
    for (int step = 0; step < 25 && engine_; ++step) this->step();
    disk_.stop();
    held_.clear();
    engine_.reset();
  }

  void check(size_t most_at_once) {
    Moment moment(disk_.events(), random_() % 2 == 0 ? 512 : 4096);
    for (size_t n = 0; n <= disk_.events().size() && !::testing::Test::HasFatalFailure(); ++n) {
      moment.advance_to(n);
      Mark mark = at(n);
      for_outcomes(
          moment, most_at_once, [this] { return random_(); },
          [&](const Choose& choose) {
            if (::testing::Test::HasFatalFailure()) return;
            Folder left;
            moment.lay(choose, left.path());
            SCOPED_TRACE("cut after event " + std::to_string(n));
            verify(left.path(), mark);
            ++laid_;
          });
    }
  }
  size_t laid() const { return laid_; }
  size_t events() const { return disk_.events().size(); }

 private:
  void start() {
    held_.clear();
    engine_.reset();
    std::string problem;
    engine_ = open(folder_.path(), &problem);
    ASSERT_TRUE(engine_) << problem;
    // What a killed process was writing is there or not: whoever reads it now relies on it.
    Tables seen = read_all(*engine_);
    if (seen != states_[returned_]) returned_ = states_.size() - 1;
    ASSERT_TRUE(seen == states_[returned_]);
    states_.push_back(seen);
    returned_ = states_.size() - 1;
    mark();
  }
  void mark() { marks_.push_back({disk_.events().size(), returned_, states_.size() - 1}); }

  Status write() {
    Tables next = states_[returned_];
    std::vector<std::pair<std::string, std::string>> texts(1 + random_() % 12);
    std::vector<Put> puts;
    for (auto& [key, value] : texts) {
      auto space = static_cast<Keyspace>(random_() % kKeyspaces);
      key = "key" + std::to_string(random_() % 150);
      value = std::to_string(random_()) +
              std::string(random_() % 9 == 0 ? random_() % 20'000 : random_() % 400, 'v');
      bool erase = random_() % 4 == 0;
      erase ? void(next.erase({space, key})) : void(next[{space, key}] = value);
      puts.push_back({space, erase, as_bytes(key), as_bytes(value)});
    }
    states_.push_back(std::move(next));
    mark();
    Status s = engine_->write(puts);
    if (!s.ok()) return s;
    returned_ = states_.size() - 1;
    mark();
    return s;
  }
  void step() {
    switch (random_() % 10) {
      case 0:  // a reader that holds its pages
        held_.push_back(engine_->snapshot().value());
        if (held_.size() > 2) held_.erase(held_.begin());
        return;
      case 1:
        return start();
      case 2:
        disk_.die_after(1 + random_() % 8, random_());
        if (write().ok() && random_() % 2 == 0) (void)write();
        held_.clear();
        engine_.reset();
        disk_.revive();
        return start();
      default:
        ASSERT_TRUE(write().ok());
    }
  }

  Mark at(size_t events) const {
    Mark last{0, 0, 0};
    for (const Mark& m : marks_) {
      if (m.events <= events) last = m;
    }
    return last;
  }

  void verify(const std::string& root, const Mark& mark) {
    std::string problem;
    auto engine = open(root, &problem);
    ASSERT_TRUE(engine) << problem;
    Tables left = read_all(*engine);
    size_t found = mark.returned;
    while (found <= mark.begun && left != states_[found]) ++found;
    ASSERT_LE(found, mark.begun) << "the tables are no state between " << mark.returned << " and "
                                 << mark.begun;
    if (random_() % 8 != 0) return;
    std::string big(5000, 'n');
    Put put{Keyspace::kMeta, false, as_bytes("new"), as_bytes(big)};
    ASSERT_TRUE(engine->write({&put, 1}).ok());
    left[{Keyspace::kMeta, "new"}] = big;
    engine.reset();
    engine = open(root, &problem);
    ASSERT_TRUE(engine) << problem;
    ASSERT_TRUE(read_all(*engine) == left);
  }

  std::mt19937_64 random_;
  Folder folder_;
  Disk disk_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::shared_ptr<const Snapshot>> held_;
  std::vector<Tables> states_;
  size_t returned_ = 0;
  std::vector<Mark> marks_;
  size_t laid_ = 0;
};

TEST(LmdbPower, EveryCutLeavesAWholeTransaction) {
  size_t wanted = cuts_to_try(3000), laid = 0, events = 0;
  for (uint64_t seed = first_seed(); laid < wanted && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("KUBUS_POWER_SEED=" + std::to_string(seed));
    Recording run(seed);
    run.check(outcomes_to_try(4));
    laid += run.laid();
    events += run.events();
  }
  RecordProperty("disks", static_cast<int>(laid));
  std::printf("%zu events recorded, %zu disks laid and opened\n", events, laid);
}

}  // namespace
}  // namespace kubus::store::power
