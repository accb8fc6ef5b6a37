// Durable puts of 1 KiB into an etcd, by so many writers at once. usage: etcd-load ADDRESS WRITERS
// SECONDS
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <memory>

#include "etcd.grpc.pb.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus::bench;

constexpr size_t kValueBytes = 1024;

struct Call {
  grpc::ClientContext context;
  grpc::Status status;
  etcdserverpb::PutResponse response;
  std::unique_ptr<grpc::ClientAsyncResponseReader<etcdserverpb::PutResponse>> reader;
  int64_t began = 0;
};

class Load {
 public:
  Load(const std::string& address, int64_t end)
      : stub_(etcdserverpb::KV::NewStub(
            grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))),
        end_(end) {
    request_.set_value(std::string(kValueBytes, 'x'));
  }

  void start() {
    auto* call = new Call;
    request_.set_key(random_name(static_cast<uint64_t>(end_), next_++));
    call->began = now_ns();
    call->reader = stub_->AsyncPut(&call->context, request_, &queue_);
    call->reader->Finish(&call->response, &call->status, call);
    ++flying_;
  }

  bool run() {
    void* tag = nullptr;
    bool ok = false;
    while (flying_ > 0 && queue_.Next(&tag, &ok)) {
      std::unique_ptr<Call> call(static_cast<Call*>(tag));
      --flying_;
      if (!call->status.ok()) {
        std::fprintf(stderr, "put failed: %s\n", call->status.error_message().c_str());
        return false;
      }
      latencies_.push_back(now_ns() - call->began);
      if (now_ns() < end_) start();
    }
    return true;
  }

  std::vector<int64_t>& latencies() { return latencies_; }

 private:
  std::unique_ptr<etcdserverpb::KV::Stub> stub_;
  grpc::CompletionQueue queue_;
  etcdserverpb::PutRequest request_;
  int64_t end_;
  uint64_t next_ = 0;
  int flying_ = 0;
  std::vector<int64_t> latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  int writers = std::atoi(argv[2]);
  int64_t began = now_ns();
  Load load(argv[1], began + std::atoll(argv[3]) * 1'000'000'000);
  for (int i = 0; i < writers; ++i) load.start();
  if (!load.run()) return 1;
  print_figures(now_ns() - began, load.latencies());
}
