// Events on NATS subjects of their own: <root>.<group>.<resource>.<namespace>.<name>. After each
// delivery a marker goes round to this process: once it is back, the server has everything before
// it. Who subscribes hears an event at most once, or again after a failure here.
#pragma once

#include <memory>

#include "bus/ports/ports.h"
#include "services/bridge/sinks/sink.h"

namespace kubus::bridge {

struct NatsOptions {
  std::string route;
  std::string root;  // "" : the cluster's own
};

class NatsSubjects : public Sink {
 public:
  NatsSubjects(bus::Ports ports, const bus::Subjects& subjects, NatsOptions options);

  void deliver(Items items, Done done) override;
  size_t most_items() const override;
  size_t most_event_bytes() const override;
  std::string target() const override;

 private:
  void on_marker(const bus::Message& message);
  void on_timeout();
  void end(Delivery delivery);
  bool send(const Items& items);

  bus::Ports ports_;
  const bus::Subjects& subjects_;
  NatsOptions options_;
  std::string life_;  // markers of an earlier life are not ours
  uint64_t deliveries_ = 0;
  size_t sent_ = 0;
  Done done_;
  std::unique_ptr<bus::Timer> timer_;
  std::unique_ptr<bus::Subscription> markers_;
};

}  // namespace kubus::bridge
