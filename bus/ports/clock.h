// Time as components see it. Nothing else in a component asks what time it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace kubus::bus {

using Duration = std::chrono::nanoseconds;

// A point of the monotonic clock: only differences mean anything.
struct Instant {
  int64_t ns = 0;
  friend auto operator<=>(const Instant&, const Instant&) = default;
  friend Instant operator+(Instant a, Duration d) { return {a.ns + d.count()}; }
  friend Duration operator-(Instant a, Instant b) { return Duration(a.ns - b.ns); }
};

// A pending call. Destroying it cancels the call for good.
class Timer {
 public:
  virtual ~Timer() = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  // Wall time, unix nanoseconds. May jump either way.
  virtual int64_t wall_ns() const = 0;
  // Calls `f` once on the loop, `delay` from now (0: as soon as the present callback has returned).
  [[nodiscard]] virtual std::unique_ptr<Timer> after(Duration delay, std::function<void()> f) = 0;

  int64_t wall_seconds() const { return wall_ns() / 1'000'000'000; }
};

}  // namespace kubus::bus
