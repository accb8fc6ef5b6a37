#include "services/store/replay/sweep.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

namespace kubus::store {

int sweep(const std::string& directory) {
  constexpr int kTries = 50, kPauseMs = 50;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR) errno = 0;
  std::error_code code;
  // Who writes there may still be on the way out.
  for (int i = 0; i < kTries; ++i) {
    std::filesystem::remove_all(directory, code);
    if (!std::filesystem::exists(directory, code)) return 0;
    ::poll(nullptr, 0, kPauseMs);
  }
  return 1;
}

}  // namespace kubus::store
