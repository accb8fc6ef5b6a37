// Workers and a loop without a bus: for programs that work through files.
#pragma once

#include <functional>
#include <memory>

#include "bus/ports/ports.h"

namespace kubus::bus {

class WorkLoop {
 public:
  explicit WorkLoop(int threads);
  ~WorkLoop();
  WorkLoop(const WorkLoop&) = delete;

  // Their completions run within run_until().
  Workers& workers();
  // Returns when `done` says so; it is asked after each completion.
  void run_until(const std::function<bool()>& done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::bus
