// A change on its way to those who follow it. Loop thread only.
#pragma once

#include "bus/ports/bus.h"
#include "services/store/state/batch.h"

namespace kubus::store {

struct Sent {
  size_t taken = 0, refused = 0;  // messages, by the bus
};

// The event on its subject, on its node's, and the notices to other nodes.
Sent publish_change(bus::Bus& bus, const bus::Subjects& subjects, const Published& change);

}  // namespace kubus::store
