// Workers on threads: jobs of one lane one after another, different lanes at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bus/ports/ports.h"

namespace kubus::bus {

class ThreadWorkers : public Workers {
 public:
  // `post`: runs a function on the loop, from any thread.
  ThreadWorkers(int threads, std::function<void(std::function<void()>)> post);
  // Waits for the jobs that run; those that wait are dropped.
  ~ThreadWorkers() override;
  void run(std::string_view lane, std::function<void()> job, std::function<void()> done) override;

 private:
  struct Task {
    std::function<void()> job, done;
  };
  struct Lane {
    std::deque<Task> tasks;
    bool busy = false;
  };
  void work();
  Lane* runnable();

  std::function<void(std::function<void()>)> post_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Lane, std::less<>> lanes_;
  bool over_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kubus::bus
