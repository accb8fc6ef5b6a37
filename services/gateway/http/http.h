// HTTP/1.1 over TLS, as the gateway needs it: whole requests in, whole or streamed answers out. The
// gateway's only sockets. Client certificates are asked for and checked against the cluster's CA,
// but not required: who has none is anonymous. Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/base/result.h"

namespace boost::asio {
class io_context;
}

namespace kubus::gateway {

// Who the client is: by its certificate (CN and every O), or by its token. Empty user: nobody.
struct Peer {
  std::string user;
  std::vector<std::string> groups;
  std::string uid = {};
  std::map<std::string, std::vector<std::string>> extra = {};
};

struct HttpRequest {
  std::string method;
  std::string path;                   // decoded, without query, without a trailing slash
  std::vector<std::string> segments;  // of the path, each decoded
  std::multimap<std::string, std::string, std::less<>> query;    // decoded
  std::multimap<std::string, std::string, std::less<>> headers;  // names in lower case
  std::string body;
  Peer peer;
  std::string address;  // the client's, without its port

  std::string query_value(std::string_view name) const;  // the first; "" if absent
  std::string header(std::string_view name) const;
  // Kubernetes' rule: absent, "0" and "false" in any case are false, all else is true.
  bool query_flag(std::string_view name) const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// What a request has become after an upgrade: messages both ways. After the client has gone every
// call does nothing. Dropping the last reference closes the connection.
class WebSocket {
 public:
  struct Handlers {
    std::function<void(std::string_view)> message;
    std::function<void()> room;  // queued_bytes() has fallen below 64 KiB
    std::function<void()> gone;  // once; not after close()
  };
  virtual ~WebSocket() = default;
  virtual void listen(Handlers handlers) = 0;
  virtual void send(std::string message) = 0;  // binary
  virtual size_t queued_bytes() const = 0;
  virtual void pause(bool on) = 0;  // nothing is read meanwhile
  // Behind what was sent: the normal end.
  virtual void close() = 0;
};

// One request and its answer. Kept alive by whoever answers; dropping the last reference without an
// answer closes the connection. After the client has gone every call does nothing.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const HttpRequest& request() const = 0;
  // Who a request without a certificate turned out to be.
  virtual void set_peer(Peer peer) = 0;
  virtual void respond(int status, std::string_view content_type, std::string body,
                       Headers headers = {}) = 0;
  // A chunked answer: start, write…, finish.
  virtual void start_stream(int status, std::string_view content_type, Headers headers = {}) = 0;
  virtual void write(std::shared_ptr<const std::string> chunk) = 0;
  virtual size_t queued_bytes() const = 0;  // written, not yet taken by the client
  // Called whenever queued_bytes() has fallen below 64 KiB.
  virtual void on_room(std::function<void()> f) = 0;
  virtual void finish() = 0;
  // Accepts the upgrade that the request asks for; "" : no subprotocol. The exchange is over then.
  virtual std::shared_ptr<WebSocket> upgrade(std::string_view protocol) = 0;
  // Called once when the client goes away before the answer is complete.
  virtual void on_gone(std::function<void()> f) = 0;
};

struct HttpOptions {
  std::vector<std::string> addresses = {"127.0.0.1"};
  uint16_t port = 0;  // on each
  std::string certificate_file, key_file, client_ca_file;
  size_t most_body_bytes = 3 << 20;
  size_t most_connections = 4096;
};

class HttpServer {
 public:
  using Handler = std::function<void(std::shared_ptr<Exchange>)>;

  HttpServer(boost::asio::io_context& loop, bus::Log& log, HttpOptions options, Handler handler);
  ~HttpServer();
  // Begins to listen. kUnavailable names the address or the file that is the matter.
  Status start();
  uint16_t port() const;  // what it listens on

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

// Parses a request target into path, segments and query. false: malformed percent-encoding.
bool parse_target(std::string_view target, HttpRequest* out);

}  // namespace kubus::gateway
