#include "bus/host/loop_socket.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace kubus::bus {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

class LoopSocket : public SocketWatch {
 public:
  LoopSocket(boost::asio::io_context& loop, int descriptor, std::function<void()> on_readable)
      : state_(std::make_shared<State>(loop, descriptor, std::move(on_readable))) {
    wait_readable(state_);
  }
  ~LoopSocket() override {
    state_->over = true;
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
  }

  void when_writable(std::function<void()> f) override {
    state_->descriptor.async_wait(
        Descriptor::wait_write, [state = state_, f = std::move(f)](boost::system::error_code code) {
          if (!code && !state->over) f();
        });
  }

 private:
  // Outlives the watch while the loop still has a completion for it.
  struct State {
    State(boost::asio::io_context& loop, int d, std::function<void()> f)
        : descriptor(loop, d), on_readable(std::move(f)) {}
    Descriptor descriptor;
    std::function<void()> on_readable;
    bool over = false;
  };

  static void wait_readable(const std::shared_ptr<State>& state) {
    state->descriptor.async_wait(Descriptor::wait_read, [state](boost::system::error_code code) {
      if (code || state->over) return;
      state->on_readable();
      if (!state->over) wait_readable(state);
    });
  }

  std::shared_ptr<State> state_;
};

}  // namespace

WatchSocket socket_watcher(boost::asio::io_context& loop) {
  return [&loop](int descriptor, std::function<void()> on_readable) {
    return std::make_unique<LoopSocket>(loop, descriptor, std::move(on_readable));
  };
}

}  // namespace kubus::bus
