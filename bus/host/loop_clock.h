// Clock on an Asio loop. Loop thread only.
#pragma once

#include <boost/asio/io_context.hpp>

#include "bus/ports/clock.h"

namespace kubus::bus {

class LoopClock : public Clock {
 public:
  explicit LoopClock(boost::asio::io_context& loop) : loop_(loop) {}
  Instant now() const override;
  int64_t wall_ns() const override;
  std::unique_ptr<Timer> after(Duration delay, std::function<void()> f) override;

 private:
  boost::asio::io_context& loop_;
};

}  // namespace kubus::bus
