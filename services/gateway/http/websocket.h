// A TLS connection that becomes a WebSocket.
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <string_view>

#include "services/gateway/http/http.h"

namespace kubus::gateway {

// `keep`: lives as long as the socket.
std::shared_ptr<WebSocket> accept_websocket(
    boost::beast::ssl_stream<boost::beast::tcp_stream> stream, const HttpRequest& request,
    std::string_view protocol, std::shared_ptr<void> keep);

}  // namespace kubus::gateway
