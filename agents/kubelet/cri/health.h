// Asks gRPC's health service of a server (grpc.health.v1). Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

using Post = std::function<void(std::function<void()>)>;

class HealthClient {
 public:
  // `post`: runs a function on the loop, from any thread.
  explicit HealthClient(Post post);
  ~HealthClient();  // what is under way ends without its completion

  // Good if the server says SERVING of `service` ("": of itself). Calls `done` once, later.
  void check(const std::string& host, int port, const std::string& service, int64_t timeout_seconds,
             std::function<void(Status)> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::kubelet
