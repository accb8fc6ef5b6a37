// The store's state on both of its disks under power cuts: what the journal holds and what the
// tables hold may be lost at different moments, and must fit together all the same.
#include <random>

#include "services/store/engine/lmdb.h"
#include "services/store/journal/segment.h"
#include "services/store/power/disk.h"
#include "services/store/power/power_test.h"
#include "services/store/state/state_fixture.h"

namespace kubus::store::power {
namespace {

using testing::Edit;

const schema::KindInfo& maps() {
  static const schema::KindInfo kind = testing::make_kind(7, "configmaps");
  return kind;
}

std::string body_of(uint64_t revision) {
  return "r" + std::to_string(revision) + std::string(revision * 131 % 900, 'b');
}
// What a revision changes is a function of its number and of what is there.
Edit edit_of(uint64_t r, bool there) {
  ChangeType type = !there       ? ChangeType::kAdded
                    : r % 5 == 0 ? ChangeType::kDeleted
                                 : ChangeType::kModified;
  return {type, &maps(), "default", "m" + std::to_string(r * 7919 % 23), body_of(r)};
}

// One life of a store.
struct Process {
  testing::World world;
  std::unique_ptr<State> state;
  uint64_t acknowledged = 0, appended = 0;
  std::function<void()> on_committed = [] {};

  Status open(const std::string& root) {
    StateOptions options{.cluster_id = "test"};
    options.apply_changes = 8;
    options.apply_delay = std::chrono::milliseconds(1);
    options.keep_revisions = 30;
    options.keep_time = std::chrono::nanoseconds(0);
    options.compact_step = 8;
    auto journal = open_segments({root + "/journal", 16 << 10, 2}, world.workers);
    if (!journal.ok()) return journal.error();
    auto engine = open_lmdb({root + "/tables", 32 << 20, 16});
    if (!engine.ok()) return engine.error();
    auto opened = State::open(world.ports(), *std::move(engine), *std::move(journal), options);
    if (!opened.ok()) return opened.error();
    state = *std::move(opened);
    acknowledged = appended = state->committed().revision().value();
    return {};
  }
  void write(size_t changes) {
    Transaction t = state->begin();
    for (size_t i = 0; i < changes; ++i) {
      uint64_t r = t.next_revision().value();
      bool there =
          static_cast<bool>(t.view().revision_of(maps(), "default", edit_of(r, false).name));
      t.add(edit_of(r, there).change(), Origin{"tester", "", std::to_string(r), {}, 0});
      appended = r;
    }
    state->commit(std::move(t), [this](Result<Committed> r) {
      if (!r.ok()) return;
      acknowledged = r->last.value();
      on_committed();
    });
  }
  // Some of the jobs that wait, of any lane.
  void work(std::mt19937_64& random) {
    static constexpr const char* kLanes[] = {"journal", "journal", "journal-files", "apply"};
    for (uint64_t n = random() % 6; n > 0; --n) world.workers.step(kLanes[random() % 4]);
    world.clock.advance(std::chrono::milliseconds(1));
  }
  void check() const {
    View v = state->committed();
    std::map<std::string, uint64_t> expected;
    for (uint64_t r = 1; r <= v.revision().value(); ++r) {
      Edit e = edit_of(r, expected.contains(edit_of(r, false).name));
      e.type == ChangeType::kDeleted ? void(expected.erase(e.name)) : void(expected[e.name] = r);
    }
    ListPage page;
    ASSERT_TRUE(v.list({.kind = &maps()}, &page).ok());
    ASSERT_EQ(page.items.size(), expected.size());
    for (const auto& [name, r] : expected)
      ASSERT_EQ(testing::text(v.find(maps(), "default", name)), body_of(r)) << name;
    Status verified = state->verify();
    ASSERT_TRUE(verified.ok()) << verified.error().message;
  }
};

struct Mark {
  size_t events;
  uint64_t acknowledged, appended;
};

class Recording {
 public:
  explicit Recording(uint64_t seed) : random_(seed), disk_(folder_.path()) {
    start();
    for (int step = 0; step < 60 && !::testing::Test::HasFatalFailure(); ++step) this->step();
    disk_.stop();
    compacted_ = now_->state->committed().compacted().value();
    now_.reset();
  }
  uint64_t compacted() const { return compacted_; }

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
    now_ = std::make_unique<Process>();
    Status s = now_->open(folder_.path());
    ASSERT_TRUE(s.ok()) << s.error().message;
    now_->on_committed = [this] { mark(); };
    mark();
  }
  void stop() {
    now_->state.reset();
    now_->world.workers.drop_all();
  }
  void mark() { marks_.push_back({disk_.events().size(), now_->acknowledged, now_->appended}); }
  void write() {
    now_->write(1 + random_() % 5);
    mark();
  }
  void step() {
    if (now_->state->room() == Room::kNone) return restart();
    switch (random_() % 12) {
      case 0:
        return restart();
      case 1:
        disk_.die_after(1 + random_() % 12, random_());
        for (int i = 0; i < 4 && now_->state->room() != Room::kNone; ++i) {
          write();
          now_->work(random_);
        }
        return restart();
      default:
        write();
        return now_->work(random_);
    }
  }
  void restart() {
    stop();
    disk_.revive();
    start();
  }

  Mark at(size_t events) const {
    Mark last{0, 0, 0};
    for (const Mark& m : marks_) {
      if (m.events <= events) last = m;
    }
    return last;
  }
  void verify(const std::string& root, const Mark& mark) {
    Process after;
    Status s = after.open(root);
    ASSERT_TRUE(s.ok()) << s.error().message;
    ASSERT_GE(after.acknowledged, mark.acknowledged) << "an acknowledged change is lost";
    ASSERT_LE(after.acknowledged, mark.appended);
    after.check();
    if (random_() % 8 != 0) return;
    after.write(3);
    after.world.workers.run_all();
    ASSERT_EQ(after.acknowledged, after.appended);
    after.check();
  }

  std::mt19937_64 random_;
  Folder folder_;
  Disk disk_;
  std::unique_ptr<Process> now_;
  std::vector<Mark> marks_;
  size_t laid_ = 0;
  uint64_t compacted_ = 0;
};

TEST(StatePower, JournalAndTablesFitTogetherAfterEveryCut) {
  size_t wanted = cuts_to_try(1500), laid = 0, events = 0;
  for (uint64_t seed = first_seed(); laid < wanted && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("KUBUS_POWER_SEED=" + std::to_string(seed));
    Recording run(seed);
    run.check(outcomes_to_try(2));
    laid += run.laid();
    events += run.events();
    EXPECT_GT(run.compacted(), 0u);  // else the run was too short to tell much
  }
  RecordProperty("disks", static_cast<int>(laid));
  std::printf("%zu events recorded, %zu disks laid and opened\n", events, laid);
}

}  // namespace
}  // namespace kubus::store::power
