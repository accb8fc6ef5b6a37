// What happens by the clock: Events that are too old, or too many, go. (Compaction is the state's
// own: with every apply, a step.) Loop thread only.
#pragma once

#include <memory>

#include "bus/ports/ports.h"
#include "services/store/intake/intake.h"
#include "services/store/state/state.h"

namespace kubus::store {

struct MaintenanceOptions {
  bus::Duration event_ttl = std::chrono::hours(1);
  uint64_t most_events = 20'000;
};

class Maintenance {
 public:
  Maintenance(bus::Ports ports, State& state, Intake& intake, MaintenanceOptions options);
  Maintenance(const Maintenance&) = delete;
  void start();
  uint64_t removed() const { return removed_; }

 private:
  void tick();

  bus::Ports ports_;
  State& state_;
  Intake& intake_;
  MaintenanceOptions options_;
  std::unique_ptr<bus::Timer> timer_;
  uint64_t removed_ = 0;
};

}  // namespace kubus::store
