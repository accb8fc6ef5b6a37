// The keys that steer a replay on a terminal.
#pragma once

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <optional>

#include "bus/replay/control.h"
#include "cli/terminal.h"

namespace kubus::cli {

// What a key means to a replay in that state; nullopt: nothing. Space: pause and resume. n: a step.
// + and -: twice as fast, half as fast. < and >: a minute back, a minute on.
std::optional<replay::Command> command_of_key(char key, const replay::PlayState& state);

// Reads keys from standard input if it is a terminal, until it is destroyed.
class Keys {
 public:
  Keys(boost::asio::io_context& loop, std::function<void(char)> on_key);

 private:
  void read();
  Terminal terminal_;
  boost::asio::posix::stream_descriptor input_;
  std::array<char, 1> key_{};
  std::function<void(char)> on_key_;
};

}  // namespace kubus::cli
