// Keys that wait to be worked on: each once, in the order in which they became dirty; some only
// after a time. Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>

#include "bus/ports/ports.h"

namespace kubus::kit {

class WorkQueue {
 public:
  // `on_ready` is called in a later turn of the loop when take() has something to give; not again
  // before it was called.
  WorkQueue(bus::Clock& clock, std::function<void()> on_ready);
  WorkQueue(const WorkQueue&) = delete;

  // Ready now; once, however often it is added. A key under work becomes ready when it is done.
  void add(const std::string& key);
  // Ready after `delay`, unless it is earlier: the earliest counts.
  void add_after(const std::string& key, bus::Duration delay);
  // The first ready key, now under work until done(); nullopt: there is none.
  std::optional<std::string> take();
  void done(const std::string& key);
  // done(), and ready again after `delay`, even if it was added meanwhile: failing keys are slow.
  void failed(const std::string& key, bus::Duration delay);

  size_t ready() const { return ready_.size(); }
  size_t later() const { return later_.size(); }
  // Calls on_ready again soon, if something is ready.
  void wake();

 private:
  void on_delay_timeout();
  void arm();

  bus::Clock& clock_;
  std::function<void()> on_ready_;
  std::deque<std::string> ready_;
  std::unordered_set<std::string> is_ready_, working_, again_;
  std::map<std::string, bus::Instant> later_;
  std::set<std::pair<bus::Instant, std::string>> by_time_;
  bus::Instant armed_;
  std::unique_ptr<bus::Timer> delay_timer_, wake_timer_;
};

// Doubles from `first` to `most`, with as much as a quarter more or less.
bus::Duration backoff(bus::Random& random, bus::Duration first, bus::Duration most, int failures);

}  // namespace kubus::kit
