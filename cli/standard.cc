#include "cli/standard.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

namespace kubus::cli {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr size_t kReadBytes = 16 << 10;

}  // namespace

struct StandardStream::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& l, int d) : number(d), flags(::fcntl(d, F_GETFL)), descriptor(l) {
    error_code ignored;
    descriptor.assign(::dup(d), ignored);
  }

  void wait(Descriptor::wait_type what, void (State::*then)()) {
    descriptor.async_wait(what, [self = shared_from_this(), then](error_code code) {
      // Files are always ready; the loop cannot wait for them.
      bool ready = !code || code == boost::asio::error::operation_not_supported;
      if (!self->over && ready) (*self.*then)();
    });
  }

  void wait_readable() {
    if (paused || over || !on_bytes || std::exchange(reading, true)) return;
    wait(Descriptor::wait_read, &State::on_readable);
  }

  void on_readable() {
    reading = false;
    if (paused || !on_bytes) return;
    std::array<char, kReadBytes> buffer;
    ssize_t n = ::read(number, buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return wait_readable();
    auto f = on_bytes;
    if (n <= 0) {
      on_bytes = nullptr;
      return f({});
    }
    f({buffer.data(), static_cast<size_t>(n)});
    wait_readable();
  }

  void wait_writable() {
    if (out.empty() || over || std::exchange(writing, true)) return;
    wait(Descriptor::wait_write, &State::on_writable);
  }

  void on_writable() {
    writing = false;
    ssize_t n = ::write(number, out.data(), out.size());
    if (n < 0 && errno != EAGAIN && errno != EINTR) n = static_cast<ssize_t>(out.size());  // lost
    if (n > 0) out.erase(0, static_cast<size_t>(n));
    if (!out.empty()) return wait_writable();
    if (empty) empty();
  }

  int number, flags;
  Descriptor descriptor;
  bool paused = false, reading = false, writing = false, over = false;
  std::function<void(std::string_view)> on_bytes;
  std::function<void()> empty;
  std::string out;
};

StandardStream::StandardStream(boost::asio::io_context& loop, int descriptor)
    : state_(std::make_shared<State>(loop, descriptor)) {}

StandardStream::~StandardStream() {
  state_->over = true;
  error_code ignored;
  state_->descriptor.close(ignored);
  if (state_->flags >= 0) ::fcntl(state_->number, F_SETFL, state_->flags);
}

void StandardStream::read(std::function<void(std::string_view)> f) {
  state_->on_bytes = std::move(f);
  state_->wait_readable();
}

void StandardStream::pause(bool on) {
  state_->paused = on;
  state_->wait_readable();
}

void StandardStream::write(std::string_view bytes) {
  state_->out.append(bytes);
  state_->wait_writable();
}

size_t StandardStream::queued() const {
  return state_->out.size();
}

void StandardStream::on_empty(std::function<void()> f) {
  state_->empty = std::move(f);
}

}  // namespace kubus::cli
