#include "agents/kubelet/cri/calls.h"

namespace kubus::kubelet {

Error error_of(const grpc::Status& status, const char* what) {
  Code code = Code::kInternal;
  switch (status.error_code()) {
    case grpc::StatusCode::NOT_FOUND:
      code = Code::kNotFound;
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      code = Code::kTimeout;
      break;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
      code = Code::kUnavailable;
      break;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::UNIMPLEMENTED:
      code = Code::kInvalid;
      break;
    case grpc::StatusCode::ALREADY_EXISTS:
      code = Code::kAlreadyExists;
      break;
    default:
      break;
  }
  return Error(code, std::string(what) + ": " + status.error_message());
}

GrpcCalls::GrpcCalls(Post post) : post_(std::move(post)), thread_([this] { wait_for_answers(); }) {}

GrpcCalls::~GrpcCalls() {
  alive_.reset();
  queue_.Shutdown();
  thread_.join();
}

void GrpcCalls::wait_for_answers() {
  std::weak_ptr<bool> alive = alive_;
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    std::shared_ptr<Pending> pending(static_cast<Pending*>(tag));
    if (alive.expired()) continue;
    post_([alive, pending] {
      if (!alive.expired()) pending->complete();
    });
  }
}

}  // namespace kubus::kubelet
