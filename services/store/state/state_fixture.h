// For tests: a world of ports under the test's control, a store on disks that survive it, and short
// ways to change it.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "schemas/bus/event_generated.h"
#include "services/store/engine/memory.h"
#include "services/store/journal/memory.h"
#include "services/store/state/state.h"

namespace kubus::store::testing {

class TestClock : public bus::Clock {
 public:
  bus::Instant now() const override { return {now_}; }
  int64_t wall_ns() const override { return wall_; }
  std::unique_ptr<bus::Timer> after(bus::Duration delay, std::function<void()> f) override {
    auto entry = std::make_shared<std::function<void()>>(std::move(f));
    timers_.emplace(now_ + delay.count(), entry);
    return std::make_unique<Pending>(std::move(entry));
  }
  void set_wall(int64_t ns) { wall_ = ns; }
  void advance(bus::Duration d) {
    now_ += d.count();
    wall_ += d.count();
    while (!timers_.empty() && timers_.begin()->first <= now_) {
      auto f = timers_.begin()->second;
      timers_.erase(timers_.begin());
      if (*f) std::exchange(*f, nullptr)();
    }
  }

 private:
  struct Pending : bus::Timer {
    explicit Pending(std::shared_ptr<std::function<void()>> f) : f_(std::move(f)) {}
    ~Pending() override { *f_ = nullptr; }
    std::shared_ptr<std::function<void()>> f_;
  };
  int64_t now_ = 0, wall_ = 1'700'000'000'000'000'000;
  std::multimap<int64_t, std::shared_ptr<std::function<void()>>> timers_;
};

// Jobs wait until the test runs them; `job` and `done` separately.
class TestWorkers : public bus::Workers {
 public:
  void run(std::string_view lane, std::function<void()> job, std::function<void()> done) override {
    jobs_.push_back({std::string(lane), std::move(job), std::move(done)});
  }
  // Runs the next job of a lane and, unless told otherwise, its completion. False: there is none.
  bool step(std::string_view lane, bool complete = true) {
    for (auto at = jobs_.begin(); at != jobs_.end(); ++at) {
      if (at->lane != lane) continue;
      Job job = std::move(*at);
      jobs_.erase(at);
      job.job();
      if (complete) job.done();
      return true;
    }
    return false;
  }
  void run_all() {
    while (!jobs_.empty()) step(jobs_.front().lane);
  }
  bool idle() const { return jobs_.empty(); }
  void drop_all() { jobs_.clear(); }

 private:
  struct Job {
    std::string lane;
    std::function<void()> job, done;
  };
  std::deque<Job> jobs_;
};

class TestLog : public bus::Log {
 public:
  void write(bus::Level, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

class TestRandom : public bus::Random {
 public:
  uint64_t next() override { return ++n_ * 0x9e3779b97f4a7c15; }

 private:
  uint64_t n_ = 0;
};

// The store speaks to no bus.
class NoBus : public bus::Bus {
 public:
  bool publish(const bus::Subject&, ByteView, const bus::Subject*) override { return false; }
  std::unique_ptr<bus::Subscription> subscribe(const bus::Pattern&, Handler) override {
    return nullptr;
  }
  std::unique_ptr<bus::Subscription> watch_state(StateHandler) override { return nullptr; }
  bool connected() const override { return false; }
  size_t max_payload() const override { return 0; }
};

struct World {
  NoBus bus;
  TestClock clock;
  TestRandom random;
  TestLog log;
  TestWorkers workers;
  bus::Ports ports() { return {bus, clock, random, log, workers}; }
};

inline schema::KindInfo make_kind(uint16_t number, std::string resource,
                                  bool confidential = false) {
  schema::KindInfo kind;
  kind.number = number;
  kind.version = "v1";
  kind.resource = std::move(resource);
  kind.confidential = confidential;
  return kind;
}

// A change with its own memory.
struct Edit {
  ChangeType type;
  const schema::KindInfo* kind;
  std::string ns, name, body;
  std::string node = {};
  std::vector<std::string> owners = {};
  std::vector<ObjectKey> references = {};
  bool referable = false, aged = false;

  Change change() const {
    Change c;
    c.type = type;
    c.kind = kind;
    c.ns = ns;
    c.name = name;
    c.uid = name;
    c.object = as_bytes(body);
    c.metadata = as_bytes("meta");
    c.node = node;
    c.owners = owners;
    c.references = references;
    c.referable = referable;
    c.aged = aged;
    return c;
  }
};

inline std::string text(const Stored& s) {
  return s ? std::string(as_text(s.bytes.view())) : "-";
}
inline const wire::Event& event_of(const Payload& p) {
  return *flatbuffers::GetRoot<wire::Event>(p.data());
}

class StateTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  virtual std::unique_ptr<Engine> engine() { return open_memory(tables_); }
  virtual std::unique_ptr<Journal> journal() { return open_memory_journal(log_, world_->workers); }

  Status try_open() {
    auto opened = State::open(world_->ports(), engine(), journal(), options_);
    if (!opened.ok()) return opened.error();
    state_ = *std::move(opened);
    return {};
  }
  void open() {
    Status s = try_open();
    ASSERT_TRUE(s.ok()) << s.error().message;
  }
  // Everything in memory is gone; what the disks hold stays.
  void crash() {
    state_.reset();
    world_->workers.drop_all();
  }
  void reopen() {
    crash();
    open();
  }

  // One batch of these edits; counts its completion in done_ or failed_.
  void commit(const std::vector<Edit>& edits, const std::string& request = "") {
    Transaction t = state_->begin();
    for (const Edit& e : edits) t.add(e.change(), Origin{"tester", "", request, {}, 0});
    state_->commit(std::move(t), [this](Result<Committed> r) {
      if (!r.ok()) return void(++failed_);
      ++done_;
      last_ = *std::move(r);
    });
  }
  void settle() { world_->workers.run_all(); }
  // Everything reaches the tables.
  void apply() {
    settle();
    world_->clock.advance(std::chrono::seconds(1));
    settle();
  }
  Edit add(std::string name, std::string body, std::string ns = "default") {
    return {ChangeType::kAdded, &maps_, std::move(ns), std::move(name), std::move(body)};
  }
  Edit modify(std::string name, std::string body, std::string ns = "default") {
    return {ChangeType::kModified, &maps_, std::move(ns), std::move(name), std::move(body)};
  }
  Edit remove(std::string name, std::string body = "gone", std::string ns = "default") {
    return {ChangeType::kDeleted, &maps_, std::move(ns), std::move(name), std::move(body)};
  }
  std::string now(const std::string& name) {
    return text(state_->committed().find(maps_, "default", name));
  }
  std::string at(uint64_t revision, const std::string& name) {
    auto found = state_->committed().find_at(maps_, "default", name, Revision(revision));
    return found.ok() ? text(*found) : found.error().message;
  }

  schema::KindInfo maps_ = make_kind(7, "configmaps"), secrets_ = make_kind(8, "secrets", true),
                   pods_ = make_kind(9, "pods");
  StateOptions options_{.cluster_id = "test", .apply_delay = std::chrono::milliseconds(100)};
  std::shared_ptr<MemoryTables> tables_ = std::make_shared<MemoryTables>();
  std::shared_ptr<MemoryLog> log_ = std::make_shared<MemoryLog>();
  std::unique_ptr<World> world_ = std::make_unique<World>();
  std::unique_ptr<State> state_;
  int done_ = 0, failed_ = 0;
  Committed last_;
};

}  // namespace kubus::store::testing
