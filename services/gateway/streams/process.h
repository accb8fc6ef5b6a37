// exec and attach over a WebSocket, one byte of channel before each message (v4 and v5 of
// Kubernetes' channel protocol; v5 can close standard input). Loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bus/stream/ports.h"
#include "services/gateway/api/path.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

bool is_websocket(const HttpRequest& request);
// The first of `known` that the client offers; nullopt: none.
std::optional<std::string> choose_protocol(const HttpRequest& request,
                                           const std::vector<std::string>& known);
// kBadRequest: the client asks for it in a way that is not served.
Status check_process_upgrade(const HttpRequest& request);

// Becomes a WebSocket once the kubelet has opened the stream; what it refuses is an ordinary
// answer.
void answer_process(stream::StreamDialer& dialer, const stream::Ticket& ticket,
                    std::shared_ptr<Exchange> exchange, ResourcePath path);

}  // namespace kubus::gateway
