#include "bus/stream/zmq_socket.h"

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "schemas/lib/base/check.h"

namespace kubus::stream {
namespace {

constexpr int kMostSockets = 16384;
constexpr int kLingerMs = 1000;
// Messages told in one go; others on the loop come between.
constexpr int kAtOnce = 64;

Error zmq_error(const std::string& what) {
  return Error(Code::kUnavailable, what + ": " + zmq_strerror(zmq_errno()));
}

}  // namespace

ZmqContext::ZmqContext() : context_(zmq_ctx_new()) {
  KUBUS_CHECK(context_);
  zmq_ctx_set(context_, ZMQ_MAX_SOCKETS, kMostSockets);
}

ZmqContext::~ZmqContext() {
  zmq_ctx_term(context_);
}

// The socket's descriptor says only that something may have changed, once: after every read of it
// all messages must be taken, and after every send it must be looked at again.
struct ZmqSocket::State : std::enable_shared_from_this<ZmqSocket::State> {
  State(boost::asio::io_context& l, void* s, std::function<void(ZmqMessage)> f)
      : loop(l), socket(s), on_message(std::move(f)), descriptor(l) {}

  void watch() {
    int fd = -1;
    size_t size = sizeof fd;
    zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    descriptor.assign(fd);
    wait();
    look();
  }

  void wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](boost::system::error_code code) {
                            if (code || !self->socket) return;
                            self->take(kAtOnce);
                            if (self->socket) self->wait();
                          });
  }

  void look() {
    if (std::exchange(looking, true)) return;
    boost::asio::post(loop, [self = shared_from_this()] {
      self->looking = false;
      self->take(kAtOnce);
    });
  }

  bool readable() const {
    int events = 0;
    size_t size = sizeof events;
    return socket && zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 &&
           (events & ZMQ_POLLIN);
  }

  void take(int most) {
    auto keep = shared_from_this();
    for (int i = 0; started && readable(); ++i) {
      if (i == most) return look();
      auto message = receive();
      if (message) on_message(*std::move(message));
    }
  }

  std::optional<ZmqMessage> receive() {
    ZmqMessage out;
    for (bool more = true; more;) {
      zmq_msg_t part;
      zmq_msg_init(&part);
      if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&part);
        return std::nullopt;
      }
      out.parts.emplace_back(static_cast<const char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
      if (const char* user = zmq_msg_gets(&part, "User-Id")) out.user = user;
      more = zmq_msg_more(&part);
      zmq_msg_close(&part);
    }
    return out;
  }

  void close() {
    if (!socket) return;
    if (descriptor.is_open()) descriptor.release();
    zmq_close(std::exchange(socket, nullptr));
  }

  boost::asio::io_context& loop;
  void* socket;
  std::function<void(ZmqMessage)> on_message;
  boost::asio::posix::stream_descriptor descriptor;
  bool looking = false, started = false;
};

ZmqSocket::ZmqSocket(boost::asio::io_context& loop, ZmqContext& context, int type,
                     std::function<void(ZmqMessage)> on_message)
    : state_(
          std::make_shared<State>(loop, zmq_socket(context.get(), type), std::move(on_message))) {
  KUBUS_CHECK(state_->socket);
  set(ZMQ_LINGER, kLingerMs);
}

ZmqSocket::~ZmqSocket() {
  state_->close();
}

void ZmqSocket::set(int option, int value) {
  zmq_setsockopt(state_->socket, option, &value, sizeof value);
}

void ZmqSocket::set(int option, std::string_view value) {
  zmq_setsockopt(state_->socket, option, value.data(), value.size());
}

std::string ZmqSocket::text(int option) const {
  std::array<char, 512> buffer{};
  size_t size = buffer.size();
  if (zmq_getsockopt(state_->socket, option, buffer.data(), &size) != 0) return "";
  return buffer.data();
}

Status ZmqSocket::bind(const std::string& endpoint) {
  if (zmq_bind(state_->socket, endpoint.c_str()) == 0) return {};
  return zmq_error("cannot listen on " + endpoint);
}

Status ZmqSocket::connect(const std::string& endpoint) {
  if (zmq_connect(state_->socket, endpoint.c_str()) == 0) return {};
  return zmq_error("cannot connect to " + endpoint);
}

void ZmqSocket::start() {
  state_->started = true;
  state_->watch();
}

void ZmqSocket::drain() {
  state_->take(INT32_MAX);
}

bool ZmqSocket::send(const std::vector<std::string_view>& parts) {
  for (size_t i = 0; i < parts.size(); ++i) {
    int flags = ZMQ_DONTWAIT | (i + 1 < parts.size() ? ZMQ_SNDMORE : 0);
    if (zmq_send(state_->socket, parts[i].data(), parts[i].size(), flags) < 0) return false;
  }
  if (state_->started) state_->look();
  return true;
}

void* ZmqSocket::get() const {
  return state_->socket;
}

}  // namespace kubus::stream
