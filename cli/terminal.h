// The terminal: lent to a process in a container by `kubus exec -t`, or read key by key.
#pragma once

#include <termios.h>

#include <boost/asio/signal_set.hpp>
#include <functional>
#include <optional>
#include <string>

namespace kubus::cli {

class Terminal {
 public:
  explicit Terminal(boost::asio::io_context& loop) : resized_(loop) {}
  ~Terminal();  // as it was
  Terminal(const Terminal&) = delete;

  static bool is_terminal(int descriptor);
  // Every key goes to the process, none to us.
  void make_raw();
  // Keys come one by one and are not shown; Ctrl-C and the like stay what they are.
  void make_keys();
  // Calls `f` with {"Width":…,"Height":…} and a newline: now, and whenever it changes.
  void on_size(std::function<void(const std::string&)> f);

 private:
  void tell_size();
  void wait();
  std::optional<termios> before_;
  boost::asio::signal_set resized_;
  std::function<void(const std::string&)> on_size_;
};

}  // namespace kubus::cli
