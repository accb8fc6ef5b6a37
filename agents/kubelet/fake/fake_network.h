// A network in memory, for tests. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/kubelet/probes/network.h"

namespace kubus::kubelet {

class FakeNetwork final : public Network {
 public:
  explicit FakeNetwork(bus::Clock& clock) : clock_(clock) {}

  // ---- what a test does: by "path" of HTTP, or "port" of connections; what is not named refuses
  void answer(const std::string& to, int status, const std::string& location = "") {
    answers_[to] = {status, location};
  }
  void refuse(const std::string& to) { answers_.erase(to); }
  void hang(const std::string& to) { answers_[to] = {kHangs, ""}; }

  // ---- what it sees: "GET http://10.0.0.1:80/x", "connect 10.0.0.1:80", "health 10.0.0.1:80"
  const std::vector<std::string>& seen() const { return seen_; }

  void get(const HttpGet& request, bus::Duration timeout,
           std::function<void(Result<HttpAnswer>)> done) override;
  void connect(const std::string& host, int port, bus::Duration timeout,
               std::function<void(Status)> done) override;
  void health(const std::string& host, int port, const std::string& service, bus::Duration timeout,
              std::function<void(Status)> done) override;

 private:
  static constexpr int kHangs = -1;
  void later(const std::string& to, std::function<void(Result<HttpAnswer>)> done);

  bus::Clock& clock_;
  std::map<std::string, HttpAnswer> answers_;
  std::vector<std::string> seen_;
  int next_ = 1;
  std::map<int, std::unique_ptr<bus::Timer>> timers_;
};

}  // namespace kubus::kubelet
