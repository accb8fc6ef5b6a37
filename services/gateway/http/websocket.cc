#include "services/gateway/http/websocket.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>

namespace kubus::gateway {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

constexpr size_t kMostMessage = 1 << 20, kRoom = 64 << 10;

class Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(beast::ssl_stream<beast::tcp_stream> stream, std::shared_ptr<void> keep)
      : stream_(std::move(stream)), keep_(std::move(keep)) {}

  void accept(const HttpRequest& request, std::string_view protocol) {
    stream_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    stream_.set_option(websocket::stream_base::decorator(
        [protocol = std::string(protocol)](websocket::response_type& r) {
          if (!protocol.empty()) r.set(http::field::sec_websocket_protocol, protocol);
        }));
    stream_.read_message_max(kMostMessage);
    stream_.binary(true);
    request_.method(http::verb::get);
    request_.target("/");
    request_.version(11);
    for (const auto& [name, value] : request.headers) request_.insert(name, value);
    writing_ = true;  // nothing goes before the answer
    stream_.async_accept(request_, [self = shared_from_this()](error_code code) {
      self->writing_ = false;
      if (code) return self->drop();
      self->pump();
      self->read();
    });
  }

  void listen(WebSocket::Handlers handlers) {
    handlers_ = std::make_shared<WebSocket::Handlers>(std::move(handlers));
  }

  void send(std::string message) {
    if (gone_ || closing_) return;
    queued_ += message.size();
    out_.push_back(std::move(message));
    pump();
  }

  size_t queued_bytes() const { return queued_; }

  void pause(bool on) {
    paused_ = on;
    if (!on && stream_.is_open()) read();
  }

  void close() {
    handlers_.reset();
    closing_ = true;
    pump();
  }

 private:
  void read() {
    if (gone_ || paused_ || std::exchange(reading_, true)) return;
    stream_.async_read(buffer_, [self = shared_from_this()](error_code code, size_t) {
      if (code) return self->drop();
      auto h = self->handlers_;
      auto bytes = self->buffer_.cdata();
      if (h && h->message) h->message({static_cast<const char*>(bytes.data()), bytes.size()});
      self->buffer_.consume(self->buffer_.size());
      // Not before: the buffer was in use.
      self->reading_ = false;
      self->read();
    });
  }

  void pump() {
    if (gone_ || writing_) return;
    if (out_.empty()) {
      if (closing_ && !std::exchange(closed_, true)) {
        // The close waits for the client's; what it still says is read for that.
        stream_.async_close(websocket::close_code::normal,
                            [self = shared_from_this()](error_code) { self->drop(); });
      }
      return;
    }
    writing_ = true;
    stream_.async_write(
        boost::asio::buffer(out_.front()),
        [self = shared_from_this()](error_code code, size_t) { self->on_written(code); });
  }

  void on_written(error_code code) {
    writing_ = false;
    if (code) return drop();
    bool was_full = queued_ >= kRoom;
    queued_ -= out_.front().size();
    out_.pop_front();
    pump();
    auto h = handlers_;
    if (was_full && queued_ < kRoom && h && h->room) h->room();
  }

  void drop() {
    if (std::exchange(gone_, true)) return;
    beast::get_lowest_layer(stream_).close();
    auto h = std::exchange(handlers_, nullptr);
    if (h && h->gone) h->gone();
  }

  websocket::stream<beast::ssl_stream<beast::tcp_stream>> stream_;
  std::shared_ptr<void> keep_;
  http::request<http::empty_body> request_;
  beast::flat_buffer buffer_;
  std::shared_ptr<WebSocket::Handlers> handlers_;
  std::deque<std::string> out_;
  size_t queued_ = 0;
  bool reading_ = false, writing_ = false, paused_ = false, closing_ = false, closed_ = false,
       gone_ = false;
};

// Its owner's end of it: without an owner it closes.
class Handle final : public WebSocket {
 public:
  explicit Handle(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  ~Handle() override { impl_->close(); }
  void listen(Handlers handlers) override { impl_->listen(std::move(handlers)); }
  void send(std::string message) override { impl_->send(std::move(message)); }
  size_t queued_bytes() const override { return impl_->queued_bytes(); }
  void pause(bool on) override { impl_->pause(on); }
  void close() override { impl_->close(); }

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace

std::shared_ptr<WebSocket> accept_websocket(beast::ssl_stream<beast::tcp_stream> stream,
                                            const HttpRequest& request, std::string_view protocol,
                                            std::shared_ptr<void> keep) {
  auto impl = std::make_shared<Impl>(std::move(stream), std::move(keep));
  impl->accept(request, protocol);
  return std::make_shared<Handle>(std::move(impl));
}

}  // namespace kubus::gateway
