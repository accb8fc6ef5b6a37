// Does checks: asks a container by a command, or over the network. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/probes/check.h"
#include "agents/kubelet/probes/network.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

struct Verdict {
  bool good = false;
  std::string message;  // why not
  bool cut = false;     // it did not answer in time
};

class Checker {
 public:
  using Done = std::function<void(const Verdict&)>;
  struct Where {
    std::string container_id;
    std::string address;  // of the Pod
  };

  Checker(bus::Ports ports, Runtime& runtime, Network& network);

  // Calls `done` once, in a later turn: with the answer, or after `timeout` with a bad one; what
  // hangs is not waited for. Never after this is destroyed.
  void run(const Check& check, const Where& where, bus::Duration timeout, Done done);

 private:
  struct Run {
    Done done;
    std::unique_ptr<bus::Timer> cut, turn;
    bus::Instant until;
    bool any_status = false;
    int redirects = 0;
  };
  void exec(uint64_t number, const Check& check, const std::string& container_id,
            bus::Duration timeout);
  void get(uint64_t number, const HttpGet& request);
  void on_answer(uint64_t number, const HttpGet& asked, const Result<HttpAnswer>& answer);
  void finish(uint64_t number, Verdict verdict);
  template <class F>
  auto held(F f) {
    return [alive = std::weak_ptr<bool>(alive_), f = std::move(f)](auto... a) {
      if (!alive.expired()) f(std::move(a)...);
    };
  }

  bus::Ports ports_;
  Runtime& runtime_;
  Network& network_;
  std::map<uint64_t, Run> runs_;
  uint64_t next_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
