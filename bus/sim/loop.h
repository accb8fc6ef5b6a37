// Virtual time: what is due, in order of time, then of arrival. Internal to this folder.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "bus/ports/ports.h"

namespace kubus::bus::sim {

class Loop {
 public:
  enum class Kind : uint8_t { kTimer, kWork };  // settle() waits for work, not for timers
  using Task = std::shared_ptr<std::function<void()>>;

  // `f` runs `delay` from now; setting *task to nullptr cancels it.
  Task schedule(Duration delay, Kind kind, std::function<void()> f) {
    auto task = std::make_shared<std::function<void()>>(std::move(f));
    due_.emplace(std::pair(now_ + delay.count(), next_++), Entry{kind, task});
    if (kind == Kind::kWork) ++work_;
    return task;
  }

  // Runs the earliest entry if it is due by `limit`; false if none is.
  bool step(int64_t limit) {
    if (due_.empty() || due_.begin()->first.first > limit) return false;
    Entry e = std::move(due_.begin()->second);
    now_ = std::max(now_, due_.begin()->first.first);
    due_.erase(due_.begin());
    if (e.kind == Kind::kWork) --work_;
    if (*e.task) std::exchange(*e.task, nullptr)();
    return true;
  }

  int64_t now() const { return now_; }
  void set_now(int64_t ns) { now_ = std::max(now_, ns); }
  size_t work() const { return work_; }
  void clear() { due_.clear(); }

 private:
  struct Entry {
    Kind kind;
    Task task;
  };
  std::map<std::pair<int64_t, uint64_t>, Entry> due_;
  int64_t now_ = 0;
  uint64_t next_ = 0;
  size_t work_ = 0;
};

// splitmix64: small, seeded, the same everywhere.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

}  // namespace kubus::bus::sim
