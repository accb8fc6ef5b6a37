// A log as an answer: plain text, in chunks, at the client's pace. Loop thread only.
#pragma once

#include <memory>

#include "bus/stream/ports.h"
#include "services/gateway/api/path.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

// Answers the exchange with what comes over the stream that the ticket is for.
void answer_log(stream::StreamDialer& dialer, const stream::Ticket& ticket,
                std::shared_ptr<Exchange> exchange, ResourcePath path);

}  // namespace kubus::gateway
