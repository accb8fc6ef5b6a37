// Keeps a cluster's processes running: starts them in order, restarts what ends (with backoff),
// stops them in reverse. One process per state directory; its lock file says that it lives.
// Single-threaded; owns SIGCHLD, SIGHUP, SIGTERM and SIGINT.
//
// A child dies with the supervisor (parent-death signal), so a killed supervisor leaves no
// half-cluster behind: containers live on under their shims, and the next `kubus up` starts the
// rest again and adopts them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"

namespace kubus::cli {

struct ChildSpec {
  std::string name;                                // "store"; also its log's name
  std::vector<std::string> argv;                   // argv[0] is a path or found on PATH
  std::map<std::string, std::string> environment;  // added to ours
  int stop_seconds = 5;                            // from SIGTERM to SIGKILL
  int reload_signal = 0;  // tells it that its files have changed; 0: none does
};

struct SupervisorOptions {
  std::string log_directory;
  std::string status_file;  // rewritten at every change: JSON, see write_status()
  // Called at SIGHUP, when what was decided on disk has changed: what shall run from now on. Empty:
  // as before. Null: SIGHUP changes nothing.
  std::function<std::vector<ChildSpec>()> reload;
  int64_t backoff_first_ms = 50;
  int64_t backoff_most_ms = 5000;
};

class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions options);
  ~Supervisor();

  // Starts all in order and keeps them running until SIGTERM or SIGINT; then stops them, last
  // first. Returns when every child is gone. An error means that nothing was started. At SIGHUP
  // children that are new are started, those that are no more are stopped, and the others get their
  // reload signal.
  Status run(const std::vector<ChildSpec>& children);

 private:
  struct Child {
    ChildSpec spec;
    pid_t pid = 0;
    int restarts = 0;
    int64_t started_ms = 0;
    int64_t backoff_ms = 0;
    int64_t start_at_ms = 0;  // when to start again; meaningful while pid is 0
    int64_t kill_at_ms = 0;   // stopping: when SIGKILL follows
    bool leaving = false;     // it shall not run any more
    std::string last_end;     // "exit code 1", "signal 9"
  };

  void start(Child& child);
  void start_due();
  void reap();
  void on_end(Child& child, int wait_status);
  void on_reload();
  void stop(Child& child);
  void stop_step();
  int next_timeout_ms() const;
  void write_status() const;

  SupervisorOptions options_;
  std::vector<Child> children_;
  int signal_fd_ = -1;
  bool stopping_ = false;
};

// Reads whether a supervisor lives for this lock file: its pid, or 0.
pid_t lock_owner(const std::string& lock_file);
// Takes the lock for this process until it ends. kConflict names the owner's pid.
Status take_lock(const std::string& lock_file);

}  // namespace kubus::cli
