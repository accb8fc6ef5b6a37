#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <deque>

#include "services/gateway/http/http.h"
#include "services/gateway/http/websocket.h"

namespace kubus::gateway {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kHandshakeTime = std::chrono::seconds(10);
constexpr auto kIdleTime = std::chrono::minutes(5);
constexpr auto kWriteTime = std::chrono::minutes(2);

std::string entry_text(X509_NAME_ENTRY* entry) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) return "";
  std::string text(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

Peer peer_of(SSL* ssl) {
  Peer peer;
  X509* certificate = SSL_get0_peer_certificate(ssl);
  if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return peer;
  X509_NAME* name = X509_get_subject_name(certificate);
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (nid == NID_commonName) peer.user = entry_text(entry);
    if (nid == NID_organizationName) peer.groups.push_back(entry_text(entry));
  }
  return peer;
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(asio::io_context& l, bus::Log& g, HttpOptions o, Handler h)
      : loop(l),
        log(g),
        options(std::move(o)),
        handler(std::move(h)),
        tls(asio::ssl::context::tls_server) {}
  Status set_tls();
  Status listen(const std::string& address);
  void accept(tcp::acceptor& acceptor);

  asio::io_context& loop;
  bus::Log& log;
  HttpOptions options;
  Handler handler;
  asio::ssl::context tls;
  std::deque<tcp::acceptor> acceptors;
  size_t connections = 0;
};

namespace {

// One connection: requests one after another. It lives as long as an operation or an Exchange of it
// is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<HttpServer::Impl> server);
  ~Connection();
  void start();

 private:
  friend class ExchangeImpl;
  void read();
  void on_read(error_code code);
  void handle();
  void send(std::shared_ptr<const std::string> bytes, bool last);
  void pump();
  void on_written(error_code code);
  void answered();
  std::shared_ptr<WebSocket> upgrade(const HttpRequest& request, std::string_view protocol);
  void drop();
  void notice_end();

  struct Out {
    std::shared_ptr<const std::string> bytes;
    bool last;
  };
  std::shared_ptr<HttpServer::Impl> server_;
  beast::ssl_stream<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::deque<Out> out_;
  size_t queued_ = 0;
  bool writing_ = false, keep_alive_ = true, gone_ = false;
  std::function<void()> on_gone_, on_room_;
};

const char* reason_of(int status) {
  return http::obsolete_reason(static_cast<http::status>(status)).data();
}

std::string head_text(int status, std::string_view content_type, const Headers& headers,
                      bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " " + reason_of(status) + "\r\n";
  if (!content_type.empty()) out.append("Content-Type: ").append(content_type).append("\r\n");
  for (const auto& [name, value] : headers)
    out.append(name).append(": ").append(value).append("\r\n");
  if (!keep_alive) out += "Connection: close\r\n";
  return out;
}

class ExchangeImpl : public Exchange {
 public:
  ExchangeImpl(std::shared_ptr<Connection> connection, HttpRequest request)
      : connection_(std::move(connection)), request_(std::move(request)) {}
  ~ExchangeImpl() override {
    if (!complete_) connection_->drop();
  }
  const HttpRequest& request() const override { return request_; }
  void set_peer(Peer peer) override { request_.peer = std::move(peer); }

  void respond(int status, std::string_view content_type, std::string body,
               Headers headers) override {
    if (complete_ || streaming_) return;
    complete_ = true;
    std::string all = head_text(status, content_type, headers, connection_->keep_alive_);
    all += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    if (request_.method != "HEAD") all += body;
    connection_->send(std::make_shared<const std::string>(std::move(all)), true);
  }

  void start_stream(int status, std::string_view content_type, Headers headers) override {
    if (complete_ || streaming_) return;
    streaming_ = true;
    connection_->keep_alive_ = false;
    connection_->notice_end();
    std::string head = head_text(status, content_type, headers, connection_->keep_alive_);
    head += "Transfer-Encoding: chunked\r\n\r\n";
    connection_->send(std::make_shared<const std::string>(std::move(head)), false);
  }

  void write(std::shared_ptr<const std::string> chunk) override {
    if (!streaming_ || complete_ || chunk->empty()) return;
    char size[24];
    int n = std::snprintf(size, sizeof size, "%zx\r\n", chunk->size());
    connection_->send(std::make_shared<const std::string>(size, static_cast<size_t>(n)), false);
    connection_->send(std::move(chunk), false);
    static const auto kEnd = std::make_shared<const std::string>("\r\n");
    connection_->send(kEnd, false);
  }

  void finish() override {
    if (!streaming_ || complete_) return;
    complete_ = true;
    static const auto kLast = std::make_shared<const std::string>("0\r\n\r\n");
    connection_->send(kLast, true);
  }

  size_t queued_bytes() const override { return connection_->queued_; }

  std::shared_ptr<WebSocket> upgrade(std::string_view protocol) override {
    complete_ = true;
    return connection_->upgrade(request_, protocol);
  }

  void on_room(std::function<void()> f) override {
    if (!connection_->gone_ && !complete_) connection_->on_room_ = std::move(f);
  }

  void on_gone(std::function<void()> f) override {
    if (!connection_->gone_ && !complete_) connection_->on_gone_ = std::move(f);
  }

 private:
  std::shared_ptr<Connection> connection_;
  HttpRequest request_;
  bool streaming_ = false, complete_ = false;
};

Connection::Connection(tcp::socket socket, std::shared_ptr<HttpServer::Impl> server)
    : server_(std::move(server)), stream_(std::move(socket), server_->tls) {
  ++server_->connections;
}

Connection::~Connection() {
  --server_->connections;
}

void Connection::start() {
  beast::get_lowest_layer(stream_).expires_after(kHandshakeTime);
  stream_.async_handshake(asio::ssl::stream_base::server,
                          [self = shared_from_this()](error_code code) {
                            if (!code) self->read();
                          });
}

void Connection::read() {
  parser_.emplace();
  parser_->body_limit(server_->options.most_body_bytes);
  beast::get_lowest_layer(stream_).expires_after(kIdleTime);
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](error_code code, size_t) { self->on_read(code); });
}

void Connection::on_read(error_code code) {
  if (!code) return handle();
  if (code != http::error::body_limit &&
      code.category() != http::make_error_code(http::error::end_of_stream).category()) {
    return drop();
  }
  if (code == http::error::end_of_stream || code == http::error::partial_message) return drop();
  keep_alive_ = false;
  int status = code == http::error::body_limit ? 413 : 400;
  std::string text = status == 413 ? "the request's body is too large\n"
                                   : "malformed HTTP request: " + code.message() + "\n";
  std::string all = head_text(status, "text/plain", {}, false) +
                    "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
  send(std::make_shared<const std::string>(std::move(all)), true);
}

void Connection::handle() {
  http::request<http::string_body> message = parser_->release();
  keep_alive_ = message.keep_alive();
  HttpRequest request;
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    request.headers.emplace(std::move(name), std::string(field.value()));
  }
  bool good = parse_target({message.target().data(), message.target().size()}, &request);
  request.body = std::move(message.body());
  request.peer = peer_of(stream_.native_handle());
  error_code unknown;
  auto client = beast::get_lowest_layer(stream_).socket().remote_endpoint(unknown);
  if (!unknown) request.address = client.address().to_string();
  beast::get_lowest_layer(stream_).expires_never();
  auto exchange = std::make_shared<ExchangeImpl>(shared_from_this(), std::move(request));
  if (!good)
    return exchange->respond(400, "text/plain", "malformed percent-encoding in the URL\n", {});
  server_->handler(std::move(exchange));
}

void Connection::send(std::shared_ptr<const std::string> bytes, bool last) {
  if (gone_) return;
  queued_ += bytes->size();
  out_.push_back({std::move(bytes), last});
  if (!writing_) pump();
}

void Connection::pump() {
  writing_ = true;
  // A client that takes nothing for this long is gone.
  beast::get_lowest_layer(stream_).expires_after(kWriteTime);
  constexpr size_t kAtOnce = 64;
  std::vector<asio::const_buffer> buffers;
  for (size_t i = 0; i < std::min(out_.size(), kAtOnce); ++i)
    buffers.push_back(asio::buffer(*out_[i].bytes));
  size_t n = buffers.size();
  asio::async_write(stream_, buffers, [self = shared_from_this(), n](error_code code, size_t) {
    bool last = false;
    for (size_t i = 0; i < n; ++i) {
      self->queued_ -= self->out_.front().bytes->size();
      last = self->out_.front().last;
      self->out_.pop_front();
    }
    self->on_written(code);
    if (!code && last) self->answered();
  });
}

void Connection::on_written(error_code code) {
  writing_ = false;
  if (code) return drop();
  beast::get_lowest_layer(stream_).expires_never();
  if (!out_.empty()) pump();
  constexpr size_t kRoom = 64 << 10;
  if (on_room_ && queued_ < kRoom) on_room_();
}

// While an answer streams nothing more is read from the client but its end.
void Connection::notice_end() {
  stream_.async_read_some(buffer_.prepare(512),
                          [self = shared_from_this()](error_code code, size_t) {
                            if (code) return self->drop();
                            self->notice_end();
                          });
}

void Connection::answered() {
  on_gone_ = on_room_ = nullptr;
  if (keep_alive_) return read();
  beast::get_lowest_layer(stream_).expires_after(kHandshakeTime);
  stream_.async_shutdown([self = shared_from_this()](error_code) { self->drop(); });
}

// The socket moves; this stays for the count of connections.
std::shared_ptr<WebSocket> Connection::upgrade(const HttpRequest& request,
                                               std::string_view protocol) {
  gone_ = true;
  on_gone_ = on_room_ = nullptr;
  beast::get_lowest_layer(stream_).expires_never();
  return accept_websocket(std::move(stream_), request, protocol, shared_from_this());
}

void Connection::drop() {
  if (gone_) return;
  gone_ = true;
  beast::get_lowest_layer(stream_).close();
  on_room_ = nullptr;
  if (auto f = std::exchange(on_gone_, nullptr)) f();
}

}  // namespace

void HttpServer::Impl::accept(tcp::acceptor& acceptor) {
  acceptor.async_accept(
      [self = shared_from_this(), &acceptor](error_code code, tcp::socket socket) {
        if (code == asio::error::operation_aborted) return;
        if (!code && self->connections < self->options.most_connections) {
          socket.set_option(tcp::no_delay(true), code);
          std::make_shared<Connection>(std::move(socket), self)->start();
        }
        self->accept(acceptor);
      });
}

Status HttpServer::Impl::set_tls() {
  error_code code;
  auto failed = [&](const std::string& what) {
    return Error(Code::kUnavailable, what + ": " + code.message());
  };
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  if (tls.use_certificate_chain_file(options.certificate_file, code))
    return failed(options.certificate_file);
  if (tls.use_private_key_file(options.key_file, asio::ssl::context::pem, code))
    return failed(options.key_file);
  if (tls.load_verify_file(options.client_ca_file, code)) return failed(options.client_ca_file);
  SSL_CTX_set_client_CA_list(tls.native_handle(),
                             SSL_load_client_CA_file(options.client_ca_file.c_str()));
  // Sessions would carry a peer's identity past its certificate's end.
  SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(tls.native_handle(), 0);
  tls.set_verify_mode(asio::ssl::verify_peer, code);
  return {};
}

Status HttpServer::Impl::listen(const std::string& on) {
  error_code code;
  auto failed = [&](const std::string& what) {
    return Error(Code::kUnavailable, what + ": " + code.message());
  };
  auto address = asio::ip::make_address(on, code);
  if (code) return failed(on);
  tcp::endpoint endpoint(address, options.port);
  std::string shown = on + ":" + std::to_string(options.port);
  tcp::acceptor& acceptor = acceptors.emplace_back(loop);
  if (acceptor.open(endpoint.protocol(), code)) return failed(shown);
  acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (acceptor.bind(endpoint, code)) return failed(shown);
  if (acceptor.listen(asio::socket_base::max_listen_connections, code)) return failed(shown);
  options.port = acceptor.local_endpoint(code).port();
  accept(acceptor);
  return {};
}

HttpServer::HttpServer(asio::io_context& loop, bus::Log& log, HttpOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(loop, log, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() {
  error_code ignored;
  for (tcp::acceptor& acceptor : impl_->acceptors) acceptor.close(ignored);
  impl_->handler = [](std::shared_ptr<Exchange>) {};
}

Status HttpServer::start() {
  if (Status s = impl_->set_tls(); !s) return s;
  for (const std::string& address : impl_->options.addresses) {
    if (Status s = impl_->listen(address); !s) return s;
  }
  return {};
}

uint16_t HttpServer::port() const {
  return impl_->options.port;
}

}  // namespace kubus::gateway
