#include "bus/kit/work_queue.h"

#include <algorithm>

namespace kubus::kit {

WorkQueue::WorkQueue(bus::Clock& clock, std::function<void()> on_ready)
    : clock_(clock), on_ready_(std::move(on_ready)) {}

void WorkQueue::add(const std::string& key) {
  auto waits = later_.find(key);
  if (waits != later_.end()) {
    by_time_.erase({waits->second, key});
    later_.erase(waits);
  }
  if (working_.count(key)) {
    again_.insert(key);
    return;
  }
  if (!is_ready_.insert(key).second) return;
  ready_.push_back(key);
  wake();
}

void WorkQueue::add_after(const std::string& key, bus::Duration delay) {
  if (delay <= bus::Duration(0)) return add(key);
  if (is_ready_.count(key)) return;
  bus::Instant at = clock_.now() + delay;
  auto [waits, is_new] = later_.try_emplace(key, at);
  if (!is_new) {
    if (waits->second <= at) return;
    by_time_.erase({waits->second, key});
    waits->second = at;
  }
  by_time_.emplace(at, key);
  if (!delay_timer_ || at < armed_) arm();
}

std::optional<std::string> WorkQueue::take() {
  if (ready_.empty()) return std::nullopt;
  std::string key = std::move(ready_.front());
  ready_.pop_front();
  is_ready_.erase(key);
  working_.insert(key);
  return key;
}

void WorkQueue::done(const std::string& key) {
  working_.erase(key);
  if (again_.erase(key)) add(key);
}

void WorkQueue::failed(const std::string& key, bus::Duration delay) {
  working_.erase(key);
  again_.erase(key);
  add_after(key, delay);
}

void WorkQueue::wake() {
  if (ready_.empty() || wake_timer_) return;
  wake_timer_ = clock_.after(bus::Duration(0), [this] {
    wake_timer_.reset();
    on_ready_();
  });
}

void WorkQueue::on_delay_timeout() {
  bus::Instant now = clock_.now();
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    std::string key = by_time_.begin()->second;
    add(key);
  }
  arm();
}

void WorkQueue::arm() {
  delay_timer_.reset();
  if (by_time_.empty()) return;
  armed_ = by_time_.begin()->first;
  delay_timer_ = clock_.after(std::max(bus::Duration(0), armed_ - clock_.now()),
                              [this] { on_delay_timeout(); });
}

bus::Duration backoff(bus::Random& random, bus::Duration first, bus::Duration most, int failures) {
  bus::Duration delay = first;
  for (int i = 1; i < failures && delay < most; ++i) delay *= 2;
  delay = std::min(delay, most);
  auto half = static_cast<uint64_t>(delay.count() / 2);
  return delay * 3 / 4 + bus::Duration(half ? random.below(half) : 0);
}

}  // namespace kubus::kit
