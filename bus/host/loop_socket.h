// Sockets that others opened, watched on the loop.
#pragma once

#include "bus/nats/nats_bus.h"

namespace boost::asio {
class io_context;
}

namespace kubus::bus {

// `loop` outlives every watch.
WatchSocket socket_watcher(boost::asio::io_context& loop);

}  // namespace kubus::bus
