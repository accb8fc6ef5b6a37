// Forwarded ports: SPDY/3.1 inside a WebSocket, as kubectl speaks it. Each connection that the
// client opens is a stream of its own, with a ticket of its own. Loop thread only.
#pragma once

#include <functional>
#include <memory>

#include "bus/stream/ports.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

// kBadRequest: the client asks for it in a way that is not served.
Status check_forward_upgrade(const HttpRequest& request);

// Asks the store for a ticket to that port.
using AskTicket = std::function<void(int port, std::function<void(Result<stream::Ticket>)>)>;

void answer_forward(stream::StreamDialer& dialer, AskTicket ask,
                    const std::shared_ptr<Exchange>& exchange);

}  // namespace kubus::gateway
