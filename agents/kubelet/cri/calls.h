// Unary gRPC calls whose completions run on the loop. One thread waits for all of them.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <thread>

#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

using Post = std::function<void(std::function<void()>)>;

Error error_of(const grpc::Status& status, const char* what);

class GrpcCalls {
 public:
  explicit GrpcCalls(Post post);
  // Cancels what is under way; its completions never run.
  ~GrpcCalls();

  // `prepare`: a stub's PrepareAsync member. `finish` gets the answer or the error.
  template <class Stub, class Request, class Response>
  void call(Stub& stub,
            std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (Stub::*prepare)(
                grpc::ClientContext*, const Request&, grpc::CompletionQueue*),
            const Request& request, std::chrono::seconds timeout, const char* what,
            std::function<void(Result<Response*>)> finish) {
    auto pending = std::make_shared<Typed<Response>>();
    outstanding_.insert(pending);
    pending->what = what;
    pending->finish = std::move(finish);
    pending->context.set_deadline(gpr_time_add(
        gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(timeout.count(), GPR_TIMESPAN)));
    pending->reader = (stub.*prepare)(&pending->context, request, &queue_);
    pending->reader->StartCall();
    pending->reader->Finish(&pending->response, &pending->status, pending.get());
  }

 private:
  struct Pending : std::enable_shared_from_this<Pending> {
    virtual ~Pending() = default;
    virtual void complete() = 0;
    grpc::ClientContext context;
    grpc::Status status;
    const char* what = "";
  };
  template <class Response>
  struct Typed : Pending {
    void complete() override {
      if (status.ok()) return finish(&response);
      finish(error_of(status, what));
    }
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
    Response response;
    std::function<void(Result<Response*>)> finish;
  };

  void wait_for_answers(const std::weak_ptr<bool>& alive);

  Post post_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  grpc::CompletionQueue queue_;
  std::set<std::shared_ptr<Pending>> outstanding_;  // loop thread only
  std::thread thread_;
};

}  // namespace kubus::kubelet
