#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>

namespace kubus::cli {

Terminal::~Terminal() {
  if (before_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &*before_);
}

bool Terminal::is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

void Terminal::make_raw() {
  termios now{};
  if (before_ || ::tcgetattr(STDIN_FILENO, &now) != 0) return;
  before_ = now;
  ::cfmakeraw(&now);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
}

void Terminal::make_keys() {
  termios now{};
  if (before_ || ::tcgetattr(STDIN_FILENO, &now) != 0) return;
  before_ = now;
  now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
}

void Terminal::on_size(std::function<void(const std::string&)> f) {
  on_size_ = std::move(f);
  boost::system::error_code ignored;
  resized_.add(SIGWINCH, ignored);
  tell_size();
  wait();
}

void Terminal::wait() {
  resized_.async_wait([this](boost::system::error_code code, int) {
    if (code) return;
    tell_size();
    wait();
  });
}

void Terminal::tell_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return;
  on_size_("{\"Width\":" + std::to_string(size.ws_col) +
           ",\"Height\":" + std::to_string(size.ws_row) + "}\n");
}

}  // namespace kubus::cli
