// Two ends of a stream in one process, for tests of what serves and uses streams.
#pragma once

#include <memory>
#include <utility>

#include "bus/ports/ports.h"
#include "bus/stream/stream.h"

namespace kubus::stream {

// The connecting end and the serving end. Frames take a turn of the clock's loop.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_pair(bus::Clock& clock);

}  // namespace kubus::stream
