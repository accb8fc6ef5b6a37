// A process of ours that dies with us, whichever way we end.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"

namespace kubus::cli {

class Child {
 public:
  // What it writes to standard error goes to `log`. kUnavailable: it could not be started.
  static Result<std::unique_ptr<Child>> start(const std::vector<std::string>& argv,
                                              const std::string& log);
  ~Child();  // told to end, then made to
  Child(const Child&) = delete;

  // Waits until it has written a line to standard output. kUnavailable: it ended before; the
  // message is the last line of its log.
  Result<std::string> line();
  // False once it has ended.
  bool runs();
  int exit_code() const { return exit_code_; }  // once it has ended; 128 and more: by a signal
  const std::string& name() const { return name_; }
  std::string last_words() const;

 private:
  Child(std::string name, std::string log, pid_t pid, int output);
  std::string name_, log_;
  pid_t pid_ = 0;
  int output_ = -1, exit_code_ = 0;
};

// Removes the directory once this process has ended, however it ends, or when the object goes.
class Sweeper {
 public:
  static Result<std::unique_ptr<Sweeper>> start(const std::string& directory);
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;

 private:
  Sweeper(pid_t pid, int alive) : pid_(pid), alive_(alive) {}
  pid_t pid_;
  int alive_;  // closed: we are gone
};

}  // namespace kubus::cli
