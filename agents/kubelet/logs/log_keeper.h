// Keeps the logs of containers bounded: a file that has grown too large is renamed and the runtime
// told to begin a new one; of what was renamed the oldest goes. What was rotated away has the name
// of the log, a dot and the time. Loop thread only; touches the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/kubelet/cri/runtime.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

struct LogLimits {
  uint64_t file_bytes = 10 << 20;
  size_t files = 5;  // of one run, the one that is written now included
};

class LogKeeper {
 public:
  struct Log {
    std::string container_id, path;
  };
  // Asked for the logs of all containers that run.
  using Running = std::function<std::vector<Log>()>;

  LogKeeper(bus::Ports ports, Runtime& runtime, Running running, LogLimits limits = {});
  void start();

 private:
  void on_timeout();
  void look_at(const Log& log);
  void on_reopened(const Log& log, const std::string& rotated, const Status& status);

  bus::Ports ports_;
  Runtime& runtime_;
  Running running_;
  LogLimits limits_;
  std::unique_ptr<bus::Timer> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The files of a run's log, the oldest first; `path` itself is last, if it is there.
std::vector<std::string> log_files_of(const std::string& path);
void remove_log(const std::string& path);
// The end of a log in the runtime's form, without its times: at most so many lines and bytes.
std::string log_tail(const std::string& path, size_t lines, size_t bytes);

}  // namespace kubus::kubelet
