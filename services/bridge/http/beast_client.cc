#include "services/bridge/http/beast_client.h"

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <fstream>
#include <iterator>

namespace kubus::bridge {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kMostAnswerBytes = 64 << 10;
constexpr size_t kShownBytes = 200;

std::string authority_of(const Url& url) {
  return url.host + ":" + url.port + (url.tls ? "s" : "");
}

// One connection to one server, in the clear or not.
struct Connection {
  Connection(asio::io_context& loop, asio::ssl::context& tls, const Url& url)
      : authority(authority_of(url)), secure(url.tls), stream(loop, tls) {}
  beast::tcp_stream& tcp() { return stream.next_layer(); }
  // Calls `f` with the stream that is spoken over.
  template <class F>
  void with(F&& f) {
    if (secure) {
      f(stream);
    } else {
      f(tcp());
    }
  }
  std::string authority;
  bool secure;
  beast::ssl_stream<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
};

Result<std::string> read_token(const std::string& path) {
  std::ifstream in(path);
  std::string text(std::istreambuf_iterator<char>(in), {});
  size_t end = text.find_last_not_of(" \t\r\n");
  if (end == text.npos) return Error(Code::kUnavailable, "cannot read a token from " + path);
  text.resize(end + 1);
  for (char c : text) {
    if (c <= ' ' || c >= 0x7F)
      return Error(Code::kUnavailable, path + " holds no token: it has blanks or control bytes");
  }
  return text;
}

std::string host_header(const Url& url) {
  std::string host = url.host.find(':') == url.host.npos ? url.host : "[" + url.host + "]";
  return url.port == (url.tls ? "443" : "80") ? host : host + ":" + url.port;
}

using Request = http::request<http::string_body>;

Result<Request> request_of(HttpPost& post) {
  Request out{http::verb::post, post.url.target, 11};
  out.set(http::field::host, host_header(post.url));
  out.set(http::field::user_agent, "kubus-bridge");
  for (const auto& [name, value] : post.headers) out.set(name, value);
  if (!post.token_file.empty()) {
    auto token = read_token(post.token_file);
    if (!token) return token.error();
    out.set(http::field::authorization, "Bearer " + *token);
  }
  out.body() = std::move(post.body);
  out.prepare_payload();
  return out;
}

class BeastClient;

// A request and its answer: resolve, connect, shake hands, write, read.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(BeastClient& client, HttpPost post, HttpClient::Done done);
  void start();
  // No callback any more.
  void forget() {
    done_ = nullptr;
    hang_up();
  }

 private:
  void open();
  void on_resolved(error_code code, const tcp::resolver::results_type& found);
  void on_connected(error_code code);
  void shake_hands();
  void send();
  void read();
  void on_read(error_code code);
  void on_timeout();
  void fail(const std::string& what, const error_code& code);
  void end(Result<HttpAnswer> result);
  void hang_up();

  BeastClient& client_;
  HttpPost post_;
  HttpClient::Done done_;
  tcp::resolver resolver_;
  std::shared_ptr<Connection> connection_;
  bool reused_ = false;
  std::optional<Request> request_;
  std::optional<http::response_parser<http::string_body>> parser_;
  std::unique_ptr<bus::Timer> timer_;
};

class BeastClient final : public HttpClient {
 public:
  BeastClient(asio::io_context& l, bus::Clock& c)
      : loop(l), clock(c), tls(asio::ssl::context::tls_client) {}
  ~BeastClient() override {
    for (auto& weak : calls_) {
      if (auto call = weak.lock()) call->forget();
    }
  }

  Status set_tls(const TlsOptions& options) {
    error_code code;
    auto bad = [&](const std::string& file) {
      return Error(Code::kBadRequest, file + ": " + code.message());
    };
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    tls.set_verify_mode(asio::ssl::verify_peer, code);
    if (options.ca_file.empty()) {
      if (tls.set_default_verify_paths(code)) return bad("the system's authorities");
    } else if (tls.load_verify_file(options.ca_file, code)) {
      return bad(options.ca_file);
    }
    if (options.cert_file.empty()) return {};
    if (tls.use_certificate_chain_file(options.cert_file, code)) return bad(options.cert_file);
    if (tls.use_private_key_file(options.key_file, asio::ssl::context::pem, code))
      return bad(options.key_file);
    return {};
  }

  void post(HttpPost request, Done done) override {
    std::erase_if(calls_, [](const auto& weak) { return weak.expired(); });
    auto call = std::make_shared<Call>(*this, std::move(request), std::move(done));
    calls_.push_back(call);
    call->start();
  }

  asio::io_context& loop;
  bus::Clock& clock;
  asio::ssl::context tls;
  std::shared_ptr<Connection> idle;

 private:
  std::vector<std::weak_ptr<Call>> calls_;
};

Call::Call(BeastClient& client, HttpPost post, HttpClient::Done done)
    : client_(client), post_(std::move(post)), done_(std::move(done)), resolver_(client.loop) {}

void Call::start() {
  auto request = request_of(post_);
  if (!request) {
    // Never before post() has returned.
    timer_ = client_.clock.after(
        {}, [self = shared_from_this(), error = request.error()] { self->end(error); });
    return;
  }
  request_ = *std::move(request);
  timer_ = client_.clock.after(post_.timeout, [self = shared_from_this()] { self->on_timeout(); });
  connection_ = std::exchange(client_.idle, nullptr);
  reused_ = connection_ && connection_->authority == authority_of(post_.url);
  if (reused_) return send();
  open();
}

void Call::open() {
  reused_ = false;
  connection_ = std::make_shared<Connection>(client_.loop, client_.tls, post_.url);
  resolver_.async_resolve(
      post_.url.host, post_.url.port,
      [self = shared_from_this()](error_code code, auto found) { self->on_resolved(code, found); });
}

void Call::on_resolved(error_code code, const tcp::resolver::results_type& found) {
  if (!done_) return;
  if (code) return fail("resolving " + post_.url.host, code);
  connection_->tcp().async_connect(
      found, [self = shared_from_this(), c = connection_](error_code failed, const auto&) {
        self->on_connected(failed);
      });
}

void Call::on_connected(error_code code) {
  if (!done_) return;
  if (code) return fail("connecting", code);
  error_code ignored;
  connection_->tcp().socket().set_option(tcp::no_delay(true), ignored);
  if (!connection_->secure) return send();
  shake_hands();
}

void Call::shake_hands() {
  auto& stream = connection_->stream;
  error_code literal;
  asio::ip::make_address(post_.url.host, literal);
  if (literal) SSL_set_tlsext_host_name(stream.native_handle(), post_.url.host.c_str());
  stream.set_verify_callback(asio::ssl::host_name_verification(post_.url.host));
  stream.async_handshake(asio::ssl::stream_base::client,
                         [self = shared_from_this(), c = connection_](error_code code) {
                           if (!self->done_) return;
                           if (code) return self->fail("TLS", code);
                           self->send();
                         });
}

void Call::send() {
  connection_->with([this](auto& stream) {
    http::async_write(stream, *request_,
                      [self = shared_from_this(), c = connection_](error_code code, size_t) {
                        if (!self->done_) return;
                        if (code && self->reused_) return self->open();
                        if (code) return self->fail("sending", code);
                        self->read();
                      });
  });
}

void Call::read() {
  parser_.emplace();
  parser_->body_limit(kMostAnswerBytes);
  connection_->with([this](auto& stream) {
    http::async_read(stream, connection_->buffer, *parser_,
                     [self = shared_from_this(), c = connection_](error_code code, size_t) {
                       if (self->done_) self->on_read(code);
                     });
  });
}

void Call::on_read(error_code code) {
  // A connection that was kept may have been closed meanwhile: that says nothing about the target.
  if (code && reused_ && !parser_->got_some()) return open();
  bool long_body = code == http::error::body_limit && parser_->is_header_done();
  if (code && !long_body) return fail("waiting for the answer", code);
  HttpAnswer answer;
  answer.status = static_cast<int>(parser_->get().result_int());
  answer.text = parser_->get().body().substr(0, kShownBytes);
  auto after = parser_->get()[http::field::retry_after];
  int seconds = 0;
  auto parsed = std::from_chars(after.data(), after.data() + after.size(), seconds);
  if (!after.empty() && parsed.ec == std::errc() && seconds >= 0)
    answer.retry_after_seconds = seconds;
  if (!code && parser_->get().keep_alive()) client_.idle = std::exchange(connection_, nullptr);
  end(std::move(answer));
}

void Call::on_timeout() {
  end(Error(
      Code::kTimeout,
      "no answer within " + std::to_string(post_.timeout / std::chrono::milliseconds(1)) + " ms"));
}

void Call::fail(const std::string& what, const error_code& code) {
  end(Error(Code::kUnavailable, what + ": " + code.message()));
}

void Call::end(Result<HttpAnswer> result) {
  hang_up();
  if (auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

void Call::hang_up() {
  timer_.reset();
  resolver_.cancel();
  if (connection_) connection_->tcp().close();
  connection_.reset();
}

}  // namespace

Result<std::unique_ptr<HttpClient>> make_http_client(asio::io_context& loop, bus::Clock& clock,
                                                     const TlsOptions& options) {
  auto client = std::make_unique<BeastClient>(loop, clock);
  if (Status s = client->set_tls(options); !s) return s.error();
  return std::unique_ptr<HttpClient>(std::move(client));
}

}  // namespace kubus::bridge
