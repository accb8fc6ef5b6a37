// One client's watch: an optional list first, then what it missed, then the live events, each as it
// looks through the client's selectors. Loop thread only. Lives until the client goes, its time is
// up, or its past is compacted.
#pragma once

#include <memory>

#include "services/gateway/api/format.h"
#include "services/gateway/api/path.h"
#include "services/gateway/http/http.h"
#include "services/gateway/watch/hub.h"

namespace kubus::gateway {

// Bytes that may wait for one slow client before its watch ends.
constexpr size_t kSlowestClientBytes = 16 << 20;

// Answers the exchange with a watch.
void start_watch(bus::Ports ports, kit::Client& client, Hub& hub,
                 std::shared_ptr<Exchange> exchange, ResourcePath path, Format format);

}  // namespace kubus::gateway
