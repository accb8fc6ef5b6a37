// Takes requests from the bus, refuses what is no request of who sent it, and queues the rest.
// Loop thread only.
#pragma once

#include <functional>
#include <memory>

#include "bus/ports/ports.h"
#include "services/store/executor/replies.h"
#include "services/store/intake/queues.h"

namespace kubus::store {

struct IntakeStats {
  uint64_t taken = 0;
  uint64_t forged = 0;     // the reply subject is not the actor's: dropped without a word
  uint64_t malformed = 0;  // no subject or no FlatBuffer of ours
  uint64_t refused = 0;    // told why
  uint64_t busy = 0;       // told to come again later
};

class Intake {
 public:
  // `wake` is called whenever something waits that did not before.
  Intake(bus::Ports ports, const bus::Subjects& subjects, Replier& replier, QueueLimits limits,
         std::function<bool(std::string_view actor)> may_impersonate, std::function<void()> wake);
  Intake(const Intake&) = delete;

  // Called with requests whose sender may not make them at all.
  void on_forbidden(std::function<void(const Incoming&, const Error&)> f) {
    on_forbidden_ = std::move(f);
  }
  // From now on requests are heard.
  void listen();
  void silence() { subscription_.reset(); }
  // A request of the store itself; nobody waits for its answer.
  void push_own(Payload request);
  FairQueues& queues() { return queues_; }
  const IntakeStats& stats() const { return stats_; }

 private:
  void on_message(const bus::Message& message);
  Status check(const wire::Request& request, const bus::ApiSubject& subject) const;
  void refuse(const bus::Message& message, std::string id, Error error);

  bus::Ports ports_;
  const bus::Subjects& subjects_;
  Replier& replier_;
  FairQueues queues_;
  std::function<bool(std::string_view)> may_impersonate_;
  std::function<void()> wake_;
  std::function<void(const Incoming&, const Error&)> on_forbidden_;
  IntakeStats stats_;
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace kubus::store
