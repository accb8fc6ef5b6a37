#include "cli/forward/local_ports.h"

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <deque>

namespace kubus::cli {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using stream::Channel;
using stream::End;

constexpr size_t kReadBytes = 32 << 10;

// A connection of some program here. What it sends is `data` on kIn; kOut is written to it.
class Socket : public std::enable_shared_from_this<Socket> {
 public:
  explicit Socket(tcp::socket socket) : socket_(std::move(socket)) {}

  void listen(stream::Stream::Handlers h) {
    handlers_ = std::make_shared<stream::Stream::Handlers>(std::move(h));
    read();
  }

  void write(std::string_view bytes) {
    if (over_ || shut_) return;
    queued_ += bytes.size();
    out_.emplace_back(bytes);
    if (!writing_) pump();
  }

  void shut() {
    shut_ = true;
    if (!writing_) pump();
  }

  void leave() {
    handlers_.reset();
    leaving_ = true;
    if (!writing_) pump();
  }

  void consumed(size_t bytes) {
    unread_ -= std::min(bytes, unread_);
    read();
  }

  size_t queued() const { return queued_; }

 private:
  void read() {
    if (over_ || ended_ || !handlers_ || reading_ || unread_ >= stream::kWindowBytes) return;
    reading_ = true;
    socket_.async_read_some(
        asio::buffer(buffer_),
        [self = shared_from_this()](error_code code, size_t n) { self->on_read(code, n); });
  }

  void on_read(error_code code, size_t n) {
    auto h = handlers_;
    if (over_ || !h) return;
    if (!code) {
      unread_ += n;
      h->data(Channel::kIn, {buffer_.data(), n});
      // Not before: the buffer was in use.
      reading_ = false;
      return read();
    }
    ended_ = true;
    if (code == asio::error::eof) return h->closed(Channel::kIn);
    drop();
    h->ended(End{Error(Code::kUnavailable, "the local connection broke: " + code.message())});
  }

  void pump() {
    if (over_) return;
    error_code ignored;
    if (out_.empty()) {
      if (leaving_) return drop();
      if (shut_) socket_.shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
    writing_ = true;
    asio::async_write(
        socket_, asio::buffer(out_.front()),
        [self = shared_from_this()](error_code code, size_t) { self->on_written(code); });
  }

  void on_written(error_code code) {
    writing_ = false;
    if (over_) return;
    if (code) {
      auto h = handlers_;
      drop();
      if (h) h->ended({});
      return;
    }
    bool was_full = queued_ >= stream::kRoomBytes;
    queued_ -= out_.front().size();
    out_.pop_front();
    pump();
    auto h = handlers_;
    if (was_full && queued_ < stream::kRoomBytes && h && h->room) h->room();
  }

  void drop() {
    over_ = true;
    handlers_.reset();
    error_code ignored;
    socket_.close(ignored);
  }

  tcp::socket socket_;
  std::shared_ptr<stream::Stream::Handlers> handlers_;
  std::array<char, kReadBytes> buffer_;
  std::deque<std::string> out_;
  size_t queued_ = 0, unread_ = 0;
  bool reading_ = false, writing_ = false, shut_ = false, leaving_ = false, ended_ = false,
       over_ = false;
};

class SocketStream final : public stream::Stream {
 public:
  explicit SocketStream(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  ~SocketStream() override { socket_->leave(); }
  void listen(Handlers handlers) override { socket_->listen(std::move(handlers)); }
  void open() override {}
  void write(Channel, std::string_view bytes) override { socket_->write(bytes); }
  void close(Channel) override { socket_->shut(); }
  size_t queued() const override { return socket_->queued(); }
  void consumed(size_t bytes) override { socket_->consumed(bytes); }
  void end(End) override { socket_->leave(); }

 private:
  std::shared_ptr<Socket> socket_;
};

}  // namespace

struct LocalPort::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& loop, OnConnection f) : acceptor(loop), on_connection(std::move(f)) {}

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code code, tcp::socket socket) {
      if (code == asio::error::operation_aborted || !self->acceptor.is_open()) return;
      if (!code) {
        socket.set_option(tcp::no_delay(true), code);
        self->on_connection(
            std::make_unique<SocketStream>(std::make_shared<Socket>(std::move(socket))));
      }
      self->accept();
    });
  }

  tcp::acceptor acceptor;
  OnConnection on_connection;
};

Result<std::unique_ptr<LocalPort>> LocalPort::open(asio::io_context& loop,
                                                   const std::string& address, uint16_t port,
                                                   OnConnection on_connection) {
  auto impl = std::make_shared<Impl>(loop, std::move(on_connection));
  error_code code;
  auto failed = [&] {
    return Error(Code::kUnavailable, "cannot listen on " + address + ":" + std::to_string(port) +
                                         ": " + code.message());
  };
  tcp::endpoint endpoint(asio::ip::make_address(address, code), port);
  if (code) return failed();
  if (impl->acceptor.open(endpoint.protocol(), code)) return failed();
  impl->acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (impl->acceptor.bind(endpoint, code)) return failed();
  if (impl->acceptor.listen(asio::socket_base::max_listen_connections, code)) return failed();
  impl->accept();
  return std::unique_ptr<LocalPort>(new LocalPort(std::move(impl)));
}

LocalPort::~LocalPort() {
  error_code ignored;
  impl_->acceptor.close(ignored);
}

uint16_t LocalPort::port() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

}  // namespace kubus::cli
