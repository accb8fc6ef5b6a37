#include "agents/kubelet/cri/health.h"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace kubus::kubelet {
namespace {

// What the client posts, run by the test's own thread.
class Queue {
 public:
  Post post() {
    return [this](std::function<void()> f) {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(f));
      wake_.notify_one();
    };
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return !jobs_.empty(); });
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
};

class HealthClientTest : public testing::Test {
 protected:
  HealthClientTest() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    queue_of_server_ = builder.AddCompletionQueue();
    server_ = builder.BuildAndStart();
  }
  ~HealthClientTest() override {
    server_->Shutdown();
    queue_of_server_->Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_of_server_->Next(&tag, &ok)) {
    }
  }
  Status check(const std::string& service) {
    std::optional<Status> out;
    client_.check("127.0.0.1", port_, service, 10, [&](Status s) { out = s; });
    while (!out) queue_.run_one();
    return *out;
  }

  int port_ = 0;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_of_server_;
  std::unique_ptr<grpc::Server> server_;
  Queue queue_;
  HealthClient client_{queue_.post()};
};

TEST_F(HealthClientTest, ServingIsGood) {
  EXPECT_TRUE(check(""));
  std::string long_name(150, 'x');
  server_->GetHealthCheckService()->SetServingStatus(long_name, true);
  EXPECT_TRUE(check(long_name));
}

TEST_F(HealthClientTest, AllElseSaysWhy) {
  server_->GetHealthCheckService()->SetServingStatus("db", false);
  Status down = check("db");
  ASSERT_FALSE(down);
  EXPECT_NE(down.error().message.find("NOT_SERVING"), std::string::npos);
  EXPECT_FALSE(check("nobody"));
  server_->Shutdown();
  EXPECT_FALSE(check(""));
}

}  // namespace
}  // namespace kubus::kubelet
