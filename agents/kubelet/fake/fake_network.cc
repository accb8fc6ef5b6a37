#include "agents/kubelet/fake/fake_network.h"

namespace kubus::kubelet {

void FakeNetwork::later(const std::string& to, std::function<void(Result<HttpAnswer>)> done) {
  auto found = answers_.find(to);
  if (found != answers_.end() && found->second.status == kHangs) return;
  Result<HttpAnswer> answer = Error(Code::kUnavailable, "connect: Connection refused");
  if (found != answers_.end()) answer = found->second;
  int number = next_++;
  timers_[number] = clock_.after(std::chrono::milliseconds(1), [this, number, answer, done] {
    auto keep = timers_.extract(number);
    done(answer);
  });
}

void FakeNetwork::get(const HttpGet& r, bus::Duration,
                      std::function<void(Result<HttpAnswer>)> done) {
  seen_.push_back(std::string("GET http") + (r.tls ? "s" : "") + "://" + r.host + ":" +
                  std::to_string(r.port) + r.path);
  later(r.path, std::move(done));
}

void FakeNetwork::connect(const std::string& host, int port, bus::Duration,
                          std::function<void(Status)> done) {
  seen_.push_back("connect " + host + ":" + std::to_string(port));
  later(std::to_string(port), [done = std::move(done)](const Result<HttpAnswer>& r) {
    done(r ? Status() : Status(r.error()));
  });
}

void FakeNetwork::health(const std::string& host, int port, const std::string&, bus::Duration,
                         std::function<void(Status)> done) {
  seen_.push_back("health " + host + ":" + std::to_string(port));
  later(std::to_string(port), [done = std::move(done)](const Result<HttpAnswer>& r) {
    done(r ? Status() : Status(r.error()));
  });
}

}  // namespace kubus::kubelet
