// The least that a Pod costs: its CRI calls alone, to the same runtime. usage:
//   cri-load SOCKET start COUNT IMAGE LOGS              one after another
//   cri-load SOCKET burst COUNT IMAGE LOGS PARALLEL     all, so many at once
// LOGS: a directory for the containers' logs.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

#include "agents/kubelet/cri/cri_runtime.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;
using namespace kubus::kubelet;

class CriLoad {
 public:
  CriLoad(const std::string& socket, std::string image, std::string logs)
      : image_(std::move(image)),
        logs_(std::move(logs)),
        runtime_(make_cri_runtime(loop_, "unix://" + socket,
                                  [this](auto f) { boost::asio::post(loop_, std::move(f)); })) {}

  int run(int count, int parallel) {
    runtime_->image_status(image_, [this, count, parallel](Result<std::optional<Image>> found) {
      if (!found || !*found) fail("the image is not there");
      id_ = (*found)->id;
      left_ = count;
      began_ = now_ns();
      for (int i = 0; i < std::min(count, parallel); ++i) next();
    });
    run_until([&] { return latencies_.size() == static_cast<size_t>(count); });
    int64_t elapsed = now_ns() - began_;
    size_t gone = 0;
    for (const std::string& s : sandboxes_) {
      runtime_->stop_sandbox(s, [this, s, &gone](Result<void>) {
        runtime_->remove_sandbox(s, [&gone](Result<void>) { ++gone; });
      });
    }
    run_until([&] { return gone == sandboxes_.size(); });
    print(elapsed);
    return 0;
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(1);
  }
  template <class T>
  static T must(Result<T> result) {
    if (!result) fail(result.error().message);
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }

  void next() {
    if (left_ == 0) return;
    std::string name = "bare-" + std::to_string(left_--);
    auto sandbox = std::make_shared<SandboxConfig>();
    sandbox->name = name;
    sandbox->uid = name;
    sandbox->ns = "bench";
    sandbox->hostname = name;
    sandbox->log_directory = logs_;
    int64_t then = now_ns();
    runtime_->run_sandbox(*sandbox, [=, this](Result<std::string> id) {
      std::string made = must(std::move(id));
      sandboxes_.push_back(made);
      ContainerConfig c;
      c.name = "c";
      c.image = id_;
      c.command = {"/bin/sh", "-c", "exec sleep 1000000"};
      c.log_path = name + ".log";
      runtime_->create_container(made, c, *sandbox, [=, this](Result<std::string> container) {
        runtime_->start_container(must(std::move(container)), [=, this](Result<void> started) {
          if (!started) fail(started.error().message);
          latencies_.push_back(now_ns() - then);
          next();
        });
      });
    });
  }

  void print(int64_t elapsed) {
    std::printf("{\"p50_ms\": %.1f, \"seconds\": %.3f}\n", percentile_ms(latencies_, 0.5),
                static_cast<double>(elapsed) / 1e9);
  }

  void run_until(const std::function<bool()>& done) {
    auto work = boost::asio::make_work_guard(loop_);
    loop_.restart();
    while (!done()) loop_.run_one();
  }

  boost::asio::io_context loop_{1};
  std::string image_, logs_, id_;
  std::unique_ptr<Runtime> runtime_;
  int left_ = 0;
  int64_t began_ = 0;
  std::vector<std::string> sandboxes_;
  std::vector<int64_t> latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  CriLoad load(argv[1], argv[4], argv[5]);
  int count = std::atoi(argv[3]);
  if (!std::strcmp(argv[2], "start")) return load.run(count, 1);
  if (!std::strcmp(argv[2], "burst") && argc > 6) return load.run(count, std::atoi(argv[6]));
  return 2;
}
