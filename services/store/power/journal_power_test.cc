// The journal's real files under power cuts: the code's own writes and syncs are recorded, with
// clean restarts and kills between, then what a cut may have left at each moment is laid on a disk
// and recovered.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "bus/ports/ports.h"
#include "services/store/journal/segment.h"
#include "services/store/power/disk.h"
#include "services/store/power/power_test.h"

namespace kubus::store::power {
namespace {

class QueuedWorkers : public bus::Workers {
 public:
  void run(std::string_view, std::function<void()> job, std::function<void()> done) override {
    jobs_.emplace_back(std::move(job), std::move(done));
  }
  void run_all() {
    while (!jobs_.empty()) {
      auto [job, done] = std::move(jobs_.front());
      jobs_.pop_front();
      job();
      done();
    }
  }

 private:
  std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs_;
};

constexpr uint64_t kSegmentBytes = 8 << 10;

// A revision that a torn group had, and that is given again, gets another text.
std::string text_of(uint64_t revision, uint64_t life) {
  uint64_t size = (revision * 7919 + life * 104729) % (revision % 11 == 0 ? 9000 : 700);
  return std::to_string(revision) + "." + std::to_string(life) + std::string(size, 'x');
}

// A journal and what was told of it.
struct Opened {
  QueuedWorkers workers;
  std::unique_ptr<Journal> journal;
  std::map<uint64_t, std::string> recovered;
  std::map<uint64_t, Chain> chains;
  uint64_t acknowledged = 0;
  bool lost = false;
  std::function<void()> on_committed = [] {};

  Status open(const std::string& directory, uint64_t applied, const Chain& chain) {
    auto opened = open_segments({directory, kSegmentBytes, 2}, workers);
    if (!opened.ok()) return opened.error();
    journal = *std::move(opened);
    acknowledged = applied;
    auto durable = journal->recover(Revision(applied), chain, [this](const JournalEntry& e) {
      recovered[e.first.value()] = as_text(e.parts[0].view());
      return Result<std::vector<ByteView>>(std::vector<ByteView>{e.parts[0].view()});
    });
    if (!durable.ok()) return durable.error();
    note(*durable);
    journal->start({[this](auto all) {
                      note(all);
                      on_committed();
                    },
                    [this](const Error&) { lost = true; }, [](Role, uint64_t) {}});
    return {};
  }
  void note(std::span<const Durable> all) {
    for (const Durable& d : all) {
      acknowledged = d.last.value();
      chains[d.last.value()] = d.chain;
    }
  }
  void append(uint64_t revision, const std::string& text) {
    Payload whole = Payload::copy_of(as_bytes(text));
    size_t half = text.size() / 2;
    journal->append({Revision(revision),
                     Revision(revision),
                     0,
                     {whole.part(whole.view().first(half)), whole.part(whole.view().subspan(half))},
                     {whole.view()}});
  }
};

// What must hold from so many events on.
struct Mark {
  size_t events;
  uint64_t acknowledged, appended, released;
};

// A run of the journal with its events, and what was told when.
class Recording {
 public:
  explicit Recording(uint64_t seed) : random_(seed), disk_(folder_.path()) {
    open();
    for (int step = 0; step < 40; ++step) this->step();
    disk_.stop();
    now_.journal.reset();
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
            recover(left.path(), n, mark);
            ++laid_;
          });
    }
  }
  size_t laid() const { return laid_; }
  size_t events() const { return disk_.events().size(); }

 private:
  void open() {
    now_.journal.reset();
    now_.workers.run_all();
    now_.recovered.clear();
    now_.lost = false;
    Status s = now_.open(folder_.path() + "/journal", released_, chain_at(released_));
    ASSERT_TRUE(s.ok()) << s.error().message;
    now_.on_committed = [this] { mark(); };
    appended_ = now_.acknowledged;
    ++life_;
    for (const auto& [revision, text] : now_.recovered)
      ASSERT_EQ(text, texts_[revision].back().second);
    mark();
  }
  Chain chain_at(uint64_t revision) { return revision == 0 ? Chain{} : now_.chains.at(revision); }
  void mark() {
    marks_.push_back({disk_.events().size(), now_.acknowledged, appended_, released_});
  }
  void append() {
    for (uint64_t n = 1 + random_() % 6; n > 0; --n) {
      uint64_t revision = ++appended_;
      texts_[revision].push_back({disk_.events().size(), text_of(revision, life_)});
      now_.append(revision, texts_[revision].back().second);
    }
    mark();
  }
  void step() {
    switch (random_() % 8) {
      case 0:  // what is in the tables is let go
        released_ += random_() % (now_.acknowledged - released_ + 1);
        mark();
        now_.journal->release(Revision(released_));
        return now_.workers.run_all();
      case 1:
        return open();
      case 2:
        disk_.die_after(1 + random_() % 4, random_());
        append();
        now_.workers.run_all();
        now_.journal.reset();
        disk_.revive();
        return open();
      default:
        append();
        return now_.workers.run_all();
    }
  }

  Mark at(size_t events) const {
    Mark last{0, 0, 0, 0};
    for (const Mark& m : marks_) {
      if (m.events <= events) last = m;
    }
    return last;
  }
  const std::string& text_at(uint64_t revision, size_t events) {
    const std::string* text = nullptr;
    for (const auto& [since, t] : texts_[revision]) {
      if (since <= events) text = &t;
    }
    return *text;
  }

  void recover(const std::string& root, size_t events, const Mark& mark) {
    uint64_t applied = mark.released + random_() % (mark.acknowledged - mark.released + 1);
    Opened after;
    Status s = after.open(root + "/journal", applied, chain_at(applied));
    ASSERT_TRUE(s.ok()) << s.error().message;
    ASSERT_GE(after.acknowledged, mark.acknowledged) << "an acknowledged batch is lost";
    ASSERT_LE(after.acknowledged, mark.appended) << "a batch that nobody appended";
    ASSERT_EQ(after.recovered.size(), after.acknowledged - applied);
    for (const auto& [revision, text] : after.recovered) ASSERT_EQ(text, text_at(revision, events));
    if (random_() % 8 == 0) go_on(root, &after, applied);
  }
  // The store that comes up works, and can be opened again.
  void go_on(const std::string& root, Opened* after, uint64_t applied) {
    uint64_t next = after->acknowledged + 1;
    for (uint64_t r = next; r < next + 3; ++r) after->append(r, text_of(r, 1'000'000));
    after->workers.run_all();
    ASSERT_FALSE(after->lost);
    ASSERT_EQ(after->acknowledged, next + 2);
    after->journal.reset();
    Opened again;
    Status s = again.open(root + "/journal", applied, chain_at(applied));
    ASSERT_TRUE(s.ok()) << s.error().message;
    ASSERT_EQ(again.acknowledged, next + 2);
    ASSERT_EQ(again.recovered[next], text_of(next, 1'000'000));
  }

  std::mt19937_64 random_;
  Folder folder_;
  Disk disk_;
  Opened now_;
  uint64_t appended_ = 0, released_ = 0, life_ = 0;
  std::vector<Mark> marks_;
  std::map<uint64_t, std::vector<std::pair<size_t, std::string>>> texts_;
  size_t laid_ = 0;
};

TEST(JournalPower, EveryCutLeavesWhatWasAcknowledged) {
  size_t wanted = cuts_to_try(4000), laid = 0, events = 0;
  for (uint64_t seed = first_seed(); laid < wanted && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("KUBUS_POWER_SEED=" + std::to_string(seed));
    Recording run(seed);
    run.check(outcomes_to_try(4));
    laid += run.laid();
    events += run.events();
  }
  RecordProperty("disks", static_cast<int>(laid));
  std::printf("%zu events recorded, %zu disks laid and recovered\n", events, laid);
}

}  // namespace
}  // namespace kubus::store::power
