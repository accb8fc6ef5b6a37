// The network as probes see it. Adapters: edge/ (sockets), and tests' own. Every call returns at
// once and calls its completion exactly once, later, on the loop thread; never after the Network is
// destroyed. Errors: kTimeout, kUnavailable with the reason.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bus/ports/clock.h"
#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

struct HttpGet {
  bool tls = false;  // the certificate is not looked at
  std::string host;  // an address or a name
  int port = 0;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct HttpAnswer {
  int status = 0;
  std::string location;  // of a redirect
};

class Network {
 public:
  virtual ~Network() = default;
  // One request; redirects are not followed.
  virtual void get(const HttpGet& request, bus::Duration timeout,
                   std::function<void(Result<HttpAnswer>)> done) = 0;
  virtual void connect(const std::string& host, int port, bus::Duration timeout,
                       std::function<void(Status)> done) = 0;
  // gRPC's health service: good if it says SERVING.
  virtual void health(const std::string& host, int port, const std::string& service,
                      bus::Duration timeout, std::function<void(Status)> done) = 0;
};

}  // namespace kubus::kubelet
