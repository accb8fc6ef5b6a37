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

GrpcCalls::GrpcCalls(Post post)
    : post_(std::move(post)),
      thread_([this, alive = std::weak_ptr<bool>(alive_)] { wait_for_answers(alive); }) {}

GrpcCalls::~GrpcCalls() {
  alive_.reset();
  for (const auto& pending : outstanding_) pending->context.TryCancel();
  queue_.Shutdown();
  thread_.join();
}

void GrpcCalls::wait_for_answers(const std::weak_ptr<bool>& alive) {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    auto pending = static_cast<Pending*>(tag)->shared_from_this();
    post_([this, alive, pending] {
      if (alive.expired() || outstanding_.erase(pending) == 0) return;
      pending->complete();
    });
  }
}

}  // namespace kubus::kubelet
