// HTTP/1.1 and TLS on Boost.Beast: the bridge's only sockets. A connection is kept for the next
// request to the same server. Loop thread only.
#pragma once

#include "bus/ports/clock.h"
#include "services/bridge/http/http_client.h"

namespace boost::asio {
class io_context;
}

namespace kubus::bridge {

struct TlsOptions {
  std::string ca_file;              // "" : the system's authorities
  std::string cert_file, key_file;  // "" : the client shows no certificate
};

// Errors: files that cannot be read.
Result<std::unique_ptr<HttpClient>> make_http_client(boost::asio::io_context& loop,
                                                     bus::Clock& clock, const TlsOptions& options);

}  // namespace kubus::bridge
