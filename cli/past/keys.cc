#include "cli/past/keys.h"

#include <unistd.h>

#include <boost/asio/buffer.hpp>

namespace kubus::cli {
namespace {

constexpr int64_t kMinute = 60'000'000'000;
constexpr double kSlowest = 0.001, kFastest = 1e6;

}  // namespace

std::optional<replay::Command> command_of_key(char key, const replay::PlayState& state) {
  using What = replay::Command::What;
  replay::Command out;
  switch (key) {
    case ' ':
      out.what = state.paused ? What::kResume : What::kPause;
      return out;
    case 'n':
    case '\n':
      out.what = What::kStep;
      return out;
    case '+':
    case '-':
      if (state.speed.mode != replay::Speed::Mode::kTimes) return std::nullopt;
      out.what = What::kSpeed;
      out.speed = state.speed;
      out.speed.times = std::clamp(state.speed.times * (key == '+' ? 2 : 0.5), kSlowest, kFastest);
      return out;
    case '<':
    case '>':
      if (state.time_ns == 0) return std::nullopt;
      out.what = What::kSeek;
      out.time_ns = state.time_ns + (key == '<' ? -kMinute : kMinute);
      return out;
    default:
      return std::nullopt;
  }
}

Keys::Keys(boost::asio::io_context& loop, std::function<void(char)> on_key)
    : terminal_(loop), input_(loop), on_key_(std::move(on_key)) {
  if (!Terminal::is_terminal(STDIN_FILENO)) return;
  terminal_.make_keys();
  input_.assign(::dup(STDIN_FILENO));
  read();
}

void Keys::read() {
  input_.async_read_some(boost::asio::buffer(key_), [this](boost::system::error_code code, size_t) {
    if (code) return;
    on_key_(key_[0]);
    read();
  });
}

}  // namespace kubus::cli
