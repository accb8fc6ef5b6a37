// Sends what was decided: bindings, many in one request, each on its own; and finds out what became
// of one whose answer never came. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/kit/client.h"
#include "bus/ports/ports.h"
#include "services/scheduler/engine.h"

namespace kubus::scheduler {

class Binder {
 public:
  enum class Outcome : uint8_t {
    kBound,    // acknowledged, or found to be so
    kNotDone,  // refused, and nothing will come of it any more
  };
  using Done = std::function<void(const Decision&, Outcome)>;

  Binder(bus::Ports ports, kit::Client& client, Done done);
  ~Binder();
  Binder(const Binder&) = delete;

  // All of them have a node. Calls `done` once for each, later.
  void bind(std::vector<Decision> decisions, const kit::Fence& fence);
  size_t requests() const { return requests_; }  // that wait for their answer

 private:
  using Batch = std::shared_ptr<const std::vector<Decision>>;
  void on_answer(const Batch& batch, const Result<kit::Answer>& answer);
  void ask(const Decision& decision);
  void on_asked(const Decision& decision, const Result<Object>& pod);
  void ask_later(const Decision& decision);
  void on_ask_timeout();

  bus::Ports ports_;
  kit::Client& client_;
  Done done_;
  size_t requests_ = 0;
  std::vector<Decision> unknown_;  // to ask about when the timer ends
  std::unique_ptr<bus::Timer> ask_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// What woke these decisions, as one cause.
kit::Cause cause_of(const std::vector<Decision>& decisions);

}  // namespace kubus::scheduler
