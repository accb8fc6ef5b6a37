#include "bus/host/loop_clock.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace kubus::bus {
namespace {

// The function is moved out before it runs, so that it may destroy or replace its own timer.
struct State {
  explicit State(boost::asio::io_context& loop) : timer(loop) {}
  boost::asio::steady_timer timer;
  std::function<void()> f;
};

class LoopTimer : public Timer {
 public:
  LoopTimer(boost::asio::io_context& loop, Duration delay, std::function<void()> f)
      : state_(std::make_shared<State>(loop)) {
    state_->f = std::move(f);
    auto fire = [state = state_] {
      if (!state->f) return;
      auto run = std::move(state->f);
      state->f = nullptr;
      run();
    };
    // No delay is the common case, once a turn: it need not arm the kernel's timer.
    if (delay.count() <= 0) {
      boost::asio::post(loop, std::move(fire));
      return;
    }
    state_->timer.expires_after(delay);
    state_->timer.async_wait([fire = std::move(fire)](const boost::system::error_code& code) {
      if (!code) fire();
    });
  }
  ~LoopTimer() override {
    state_->f = nullptr;
    state_->timer.cancel();
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

Instant LoopClock::now() const {
  return {std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())
              .count()};
}

int64_t LoopClock::wall_ns() const {
  return std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::unique_ptr<Timer> LoopClock::after(Duration delay, std::function<void()> f) {
  return std::make_unique<LoopTimer>(loop_, delay, std::move(f));
}

}  // namespace kubus::bus
