// Tickets as the store's answers hold them.
#pragma once

#include "bus/stream/ports.h"

namespace kubus::wire {
struct Outcome;
}

namespace kubus::stream {

// kInternal: the answer holds none.
Result<Ticket> ticket_of(const wire::Outcome& outcome);

}  // namespace kubus::stream
