#include "bus/host/thread_workers.h"

namespace kubus::bus {

ThreadWorkers::ThreadWorkers(int threads, std::function<void(std::function<void()>)> post)
    : post_(std::move(post)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadWorkers::~ThreadWorkers() {
  {
    std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void ThreadWorkers::run(std::string_view lane, std::function<void()> job,
                        std::function<void()> done) {
  {
    std::lock_guard lock(mutex_);
    auto found = lanes_.find(lane);
    if (found == lanes_.end()) found = lanes_.emplace(std::string(lane), Lane()).first;
    found->second.tasks.push_back({std::move(job), std::move(done)});
  }
  wake_.notify_one();
}

ThreadWorkers::Lane* ThreadWorkers::runnable() {
  for (auto& [name, lane] : lanes_) {
    if (!lane.busy && !lane.tasks.empty()) return &lane;
  }
  return nullptr;
}

void ThreadWorkers::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    Lane* lane = nullptr;
    wake_.wait(lock, [&] { return over_ || (lane = runnable()) != nullptr; });
    if (over_) return;
    Task task = std::move(lane->tasks.front());
    lane->tasks.pop_front();
    lane->busy = true;
    lock.unlock();
    task.job();
    post_(std::move(task.done));
    task.job = nullptr;
    lock.lock();
    lane->busy = false;
    if (!lane->tasks.empty()) wake_.notify_one();
  }
}

}  // namespace kubus::bus
