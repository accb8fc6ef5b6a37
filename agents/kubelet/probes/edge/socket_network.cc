#include "agents/kubelet/probes/edge/socket_network.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>

namespace kubus::kubelet {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr uint32_t kMostHeader = 64 * 1024;

Error error_of(const char* doing, const error_code& code) {
  if (code == beast::error::timeout) return Error(Code::kTimeout, "no answer in time");
  return Error(Code::kUnavailable, std::string(doing) + ": " + code.message());
}

// One connection and what is asked over it. Lives as long as something waits for it.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  using Done = std::function<void(Result<HttpAnswer>)>;

  Exchange(asio::io_context& loop, asio::ssl::context& tls, std::weak_ptr<bool> alive, Done done)
      : resolver_(loop), stream_(loop, tls), alive_(std::move(alive)), done_(std::move(done)) {}

  // `request` nullopt: only connects.
  void start(const std::string& host, int port, std::optional<HttpGet> request,
             bus::Duration timeout) {
    request_ = std::move(request);
    socket().expires_after(std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
    error_code not_an_address;
    auto address = asio::ip::make_address(host, not_an_address);
    auto self = shared_from_this();
    if (!not_an_address) {
      tcp::endpoint to(address, static_cast<uint16_t>(port));
      return socket().async_connect(to, [self](error_code e) { self->on_connected(e); });
    }
    resolver_.async_resolve(
        host, std::to_string(port), [self](error_code e, const tcp::resolver::results_type& found) {
          if (e) return self->finish(error_of("resolve", e));
          self->socket().async_connect(
              found, [self](error_code c, const tcp::endpoint&) { self->on_connected(c); });
        });
  }

 private:
  beast::tcp_stream& socket() { return beast::get_lowest_layer(stream_); }

  void on_connected(const error_code& e) {
    if (e) return finish(error_of("connect", e));
    if (!request_) return finish(HttpAnswer{});
    if (!request_->tls) return send(socket());
    stream_.async_handshake(asio::ssl::stream_base::client,
                            [self = shared_from_this()](error_code c) {
                              if (c) return self->finish(error_of("TLS", c));
                              self->send(self->stream_);
                            });
  }

  template <class Stream>
  void send(Stream& stream) {
    message_ = {http::verb::get, request_->path, 11};
    bool v6 = request_->host.find(':') != std::string::npos;
    message_.set(http::field::host, (v6 ? "[" + request_->host + "]" : request_->host) + ":" +
                                        std::to_string(request_->port));
    message_.set(http::field::user_agent, "kube-probe/1.36");
    message_.set(http::field::accept, "*/*");
    message_.set(http::field::connection, "close");
    for (const auto& [name, value] : request_->headers) message_.set(name, value);
    parser_.header_limit(kMostHeader);
    parser_.skip(true);  // the body says nothing
    http::async_write(stream, message_, [self = shared_from_this(), &stream](error_code e, size_t) {
      if (e) return self->finish(error_of("send", e));
      self->receive(stream);
    });
  }

  template <class Stream>
  void receive(Stream& stream) {
    http::async_read_header(stream, buffer_, parser_,
                            [self = shared_from_this()](error_code e, size_t) {
                              if (e) return self->finish(error_of("read", e));
                              const auto& answer = self->parser_.get();
                              self->finish(HttpAnswer{static_cast<int>(answer.result_int()),
                                                      std::string(answer[http::field::location])});
                            });
  }

  void finish(Result<HttpAnswer> result) {
    error_code ignored;
    socket().socket().shutdown(tcp::socket::shutdown_both, ignored);
    socket().close();
    if (!alive_.expired()) done_(std::move(result));
  }

  tcp::resolver resolver_;
  asio::ssl::stream<beast::tcp_stream> stream_;
  std::weak_ptr<bool> alive_;
  Done done_;
  std::optional<HttpGet> request_;
  http::request<http::empty_body> message_;
  http::response_parser<http::empty_body> parser_;
  beast::flat_buffer buffer_{kMostHeader};
};

class SocketNetwork final : public Network {
 public:
  SocketNetwork(asio::io_context& loop, Post post)
      : loop_(loop), post_(std::move(post)), tls_(asio::ssl::context::tls_client) {
    tls_.set_verify_mode(asio::ssl::verify_none);
  }

  void get(const HttpGet& request, bus::Duration timeout,
           std::function<void(Result<HttpAnswer>)> done) override {
    std::make_shared<Exchange>(loop_, tls_, alive_, std::move(done))
        ->start(request.host, request.port, request, timeout);
  }

  void connect(const std::string& host, int port, bus::Duration timeout,
               std::function<void(Status)> done) override {
    auto told = [done = std::move(done)](Result<HttpAnswer> r) {
      done(r ? Status() : Status(r.error()));
    };
    std::make_shared<Exchange>(loop_, tls_, alive_, told)->start(host, port, std::nullopt, timeout);
  }

  void health(const std::string& host, int port, const std::string& service, bus::Duration timeout,
              std::function<void(Status)> done) override {
    if (!health_) health_ = std::make_unique<HealthClient>(post_);
    auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
    health_->check(host, port, service, seconds, std::move(done));
  }

 private:
  asio::io_context& loop_;
  Post post_;
  asio::ssl::context tls_;
  std::unique_ptr<HealthClient> health_;  // made by the first probe that needs it: it has a thread
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Network> make_socket_network(asio::io_context& loop, Post post) {
  return std::make_unique<SocketNetwork>(loop, std::move(post));
}

}  // namespace kubus::kubelet
