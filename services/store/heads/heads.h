// Tells followers how far the lanes are: once a second a head for every lane that moved, on the
// connection that carried the events, so that a lost last event shows. Loop thread only.
#pragma once

#include <memory>

#include "bus/ports/ports.h"
#include "services/store/state/state.h"

namespace kubus::store {

// Tells one lane's head. False: the bus did not take it.
bool publish_head(bus::Bus& bus, const bus::Subjects& subjects, const Lane& lane,
                  Revision revision);

class Heads {
 public:
  Heads(bus::Ports ports, const bus::Subjects& subjects, State& state);
  Heads(const Heads&) = delete;
  void start();
  uint64_t sent() const { return sent_; }

 private:
  void tick();

  bus::Ports ports_;
  const bus::Subjects& subjects_;
  State& state_;
  std::unique_ptr<bus::Timer> timer_;
  uint64_t sent_ = 0;
};

}  // namespace kubus::store
