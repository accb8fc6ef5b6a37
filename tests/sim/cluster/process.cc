#include "tests/sim/cluster/process.h"

namespace kubus::sim {

void Process::start() {
  if (runs()) return;
  host_ = &world_.add_host(name_);
  program_ = make_(host_->ports());
  ++lives_;
  if (!program_) {
    world_.remove_host(*host_);
    host_ = nullptr;
  }
}

void Process::kill() {
  if (!runs()) return;
  host_->set_connected(false);
  program_.reset();
  world_.remove_host(*host_);
  host_ = nullptr;
}

}  // namespace kubus::sim
