#include "bus/stream/client.h"

#include <cstring>
#include <vector>

#include "bus/stream/flow.h"
#include "bus/stream/zmq_socket.h"

namespace kubus::stream {
namespace {

constexpr int kNever = -1;
constexpr int kFailedHandshakes = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int kWatched = kFailedHandshakes | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED;

int event_of(const ZmqMessage& m) {
  uint16_t event = 0;
  if (!m.parts.empty() && m.parts[0].size() >= sizeof event)
    std::memcpy(&event, m.parts[0].data(), sizeof event);
  return event;
}

}  // namespace

namespace {

// One connection: its socket and what watches it. Lives as long as its flow does.
struct Connection : std::enable_shared_from_this<Connection> {
  void on_frame(const ZmqMessage& m) {
    if (m.parts.size() == 1 && flow) std::shared_ptr<Flow>(flow)->on_frame(m.parts[0]);
  }

  void on_event(int event) {
    auto keep = shared_from_this();
    // What it said before it went comes first.
    if (event == ZMQ_EVENT_DISCONNECTED && socket) socket->drain();
    if (!flow) return;
    Error why = event & kFailedHandshakes
                    ? Error(Code::kForbidden, "the node refused the ticket")
                    : Error(Code::kUnavailable,
                            "the connection to the node's kubelet at " + endpoint + " broke");
    if (event == ZMQ_EVENT_CLOSED)
      why.message = "nobody answers at the node's stream endpoint " + endpoint;
    std::shared_ptr<Flow>(flow)->on_lost(std::move(why));
  }

  // The sockets cannot go while one of them calls.
  void on_over(bus::Clock& clock) {
    flow.reset();
    last = clock.after({}, [keep = shared_from_this()] { keep->close(); });
  }

  void close() {
    watch.reset();
    socket.reset();
    last.reset();
  }

  std::string endpoint;
  std::unique_ptr<ZmqSocket> socket, watch;
  std::shared_ptr<Flow> flow;
  std::unique_ptr<bus::Timer> last;
};

void configure(ZmqSocket& socket, const Ticket& ticket) {
  socket.set(ZMQ_CURVE_SERVERKEY, ticket.server_key);
  socket.set(ZMQ_CURVE_PUBLICKEY, ticket.client_key);
  socket.set(ZMQ_CURVE_SECRETKEY, ticket.client_secret);
  socket.set(ZMQ_RECONNECT_IVL, kNever);  // a ticket serves once
  socket.set(ZMQ_SNDHWM, 0);
  socket.set(ZMQ_RCVHWM, 0);
}

}  // namespace

struct StreamClient::Impl {
  Impl(boost::asio::io_context& l, bus::Ports p) : loop(l), ports(p) {}
  ~Impl() {
    for (const auto& weak : connections) {
      if (auto c = weak.lock()) c->close();
    }
  }
  void remember(const std::shared_ptr<Connection>& c) {
    std::erase_if(connections, [](const auto& weak) { return weak.expired(); });
    connections.push_back(c);
  }

  boost::asio::io_context& loop;
  bus::Ports ports;
  ZmqContext context;
  std::vector<std::weak_ptr<Connection>> connections;
  uint64_t made = 0;
};

StreamClient::StreamClient(boost::asio::io_context& loop, bus::Ports ports)
    : impl_(std::make_unique<Impl>(loop, ports)) {}
StreamClient::~StreamClient() = default;

std::unique_ptr<Stream> StreamClient::connect(const Ticket& ticket, Stream::Handlers handlers) {
  auto c = std::make_shared<Connection>();
  impl_->remember(c);
  c->endpoint = ticket.endpoint;
  std::weak_ptr<Connection> weak = c;
  c->socket = std::make_unique<ZmqSocket>(impl_->loop, impl_->context, ZMQ_DEALER,
                                          [weak](const ZmqMessage& m) {
                                            if (auto self = weak.lock()) self->on_frame(m);
                                          });
  c->watch = std::make_unique<ZmqSocket>(impl_->loop, impl_->context, ZMQ_PAIR,
                                         [weak](const ZmqMessage& m) {
                                           if (auto self = weak.lock()) self->on_event(event_of(m));
                                         });
  configure(*c->socket, ticket);
  std::string events = "inproc://watch-" + std::to_string(++impl_->made);
  zmq_socket_monitor(c->socket->get(), events.c_str(), kWatched);
  // The flow keeps the connection, and the connection the flow, until it is over.
  bus::Clock& clock = impl_->ports.clock;
  auto flow = std::make_shared<Flow>(
      clock, FlowOptions{.peer = "the node's kubelet"},
      [c](const std::string& frame) { return c->socket && c->socket->send({frame}); },
      [c, &clock] { c->on_over(clock); });
  c->flow = flow;
  flow->listen(std::move(handlers));
  Status connected = c->watch->connect(events);
  if (connected) connected = c->socket->connect(ticket.endpoint);
  c->watch->start();
  c->socket->start();
  flow->connect(ticket.id);
  // Told later, as all else.
  if (!connected)
    c->last = clock.after({}, [flow, why = connected.error()] { flow->on_lost(why); });
  return stream_on(flow);
}

}  // namespace kubus::stream
