#include "bus/host/work_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "bus/host/thread_workers.h"

namespace kubus::bus {

struct WorkLoop::Impl {
  explicit Impl(int threads)
      : workers(threads,
                [this](std::function<void()> f) { boost::asio::post(loop, std::move(f)); }) {}

  boost::asio::io_context loop;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy =
      boost::asio::make_work_guard(loop);
  ThreadWorkers workers;
};

WorkLoop::WorkLoop(int threads) : impl_(std::make_unique<Impl>(threads)) {}
WorkLoop::~WorkLoop() = default;

Workers& WorkLoop::workers() {
  return impl_->workers;
}

void WorkLoop::run_until(const std::function<bool()>& done) {
  while (!done()) impl_->loop.run_one();
}

}  // namespace kubus::bus
