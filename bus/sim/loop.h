// Virtual time: what is due, in order of time, then of arrival. Internal to this folder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "bus/ports/ports.h"

namespace kubus::bus::sim {

class Loop {
 public:
  enum class Kind : uint8_t { kTimer, kWork };  // settle() waits for work, not for timers
  // Setting *task to nullptr cancels it.
  using Task = std::shared_ptr<std::function<void()>>;

  // `f` runs `delay` from now.
  void schedule(Duration delay, Kind kind, std::function<void()> f) {
    if (idle_.empty()) {
      idle_.push_back(static_cast<uint32_t>(calls_.size()));
      calls_.emplace_back();
    }
    uint32_t slot = idle_.back();
    idle_.pop_back();
    calls_[slot] = std::move(f);
    heap_.push_back({now_ + delay.count(), next_++, slot, kind});
    std::push_heap(heap_.begin(), heap_.end());
    if (kind == Kind::kWork) ++work_;
  }

  // Runs the earliest entry if it is due by `limit`; false if none is.
  bool step(int64_t limit) {
    if (heap_.empty() || heap_.front().at > limit) return false;
    std::pop_heap(heap_.begin(), heap_.end());
    Entry e = heap_.back();
    heap_.pop_back();
    now_ = std::max(now_, e.at);
    if (e.kind == Kind::kWork) --work_;
    auto call = std::exchange(calls_[e.slot], nullptr);
    idle_.push_back(e.slot);
    call();
    return true;
  }

  int64_t now() const { return now_; }
  void set_now(int64_t ns) { now_ = std::max(now_, ns); }
  size_t work() const { return work_; }
  void clear() {
    heap_.clear();
    std::exchange(calls_, {});
    idle_.clear();
  }

 private:
  struct Entry {
    int64_t at;
    uint64_t serial;
    uint32_t slot;  // in calls_: what a heap moves about should be small
    Kind kind;
    // A heap has its greatest first: the earliest counts as such.
    friend bool operator<(const Entry& a, const Entry& b) {
      return a.at != b.at ? a.at > b.at : a.serial > b.serial;
    }
  };
  std::vector<Entry> heap_;
  std::vector<std::function<void()>> calls_;
  std::vector<uint32_t> idle_;
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
