// Tells Pods to leave for one of a higher priority: the place that is kept for it, the victims'
// condition and their deletion are one step of the store, all or nothing. Finds out what became of
// a step whose answer never came. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bus/kit/client.h"
#include "bus/ports/ports.h"
#include "services/scheduler/engine.h"

namespace kubus::scheduler {

class Evictor {
 public:
  // `done`: it was; else nothing will come of it any more. `written`: of the Pod, 0 if not known.
  using Done = std::function<void(const Decision&, bool done, Revision written)>;

  Evictor(bus::Ports ports, kit::Client& client, Done done);
  ~Evictor();
  Evictor(const Evictor&) = delete;

  // A decision with a nominated node. Calls `done` once, later.
  void preempt(Decision decision, const kit::Fence& fence);
  size_t requests() const { return requests_; }  // not done yet

 private:
  void on_answer(const Decision& decision, const Result<kit::Answer>& answer);
  void ask(const Decision& decision);
  void ask_later(const Decision& decision);
  void on_asked(const Decision& decision, const Result<Object>& pod);
  void on_ask_timeout();
  void finish(const Decision& decision, bool done, Revision written);

  bus::Ports ports_;
  kit::Client& client_;
  Done done_;
  size_t requests_ = 0;
  std::vector<Decision> unknown_;  // to ask about when the timer ends
  std::unique_ptr<bus::Timer> ask_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::scheduler
