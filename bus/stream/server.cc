#include "bus/stream/server.h"

#include <array>
#include <map>
#include <vector>

#include "bus/stream/flow.h"
#include "bus/stream/keys.h"
#include "bus/stream/zmq_socket.h"

namespace kubus::stream {
namespace {

constexpr const char* kZapEndpoint = "inproc://zeromq.zap.01";
constexpr const char* kZapDomain = "kubus";
constexpr const char* kZapVersion = "1.0";
// A request: routing id, empty, version, request id, domain, address, identity, mechanism, key.
constexpr size_t kZapParts = 9, kKeyBytes = 32;

std::string key_text(const std::string& key) {
  std::array<char, 41> text{};
  if (key.size() != kKeyBytes) return "";
  zmq_z85_encode(text.data(), reinterpret_cast<const uint8_t*>(key.data()), key.size());
  return text.data();
}

}  // namespace

struct StreamServer::Impl {
  Impl(boost::asio::io_context& loop, bus::Ports p, ServerOptions o)
      : ports(p),
        options(std::move(o)),
        keys(make_keys(p.random)),
        gate(std::make_unique<ZmqSocket>(loop, context, ZMQ_ROUTER,
                                         [this](ZmqMessage m) { on_asked(std::move(m)); })),
        router(std::make_unique<ZmqSocket>(loop, context, ZMQ_ROUTER,
                                           [this](ZmqMessage m) { on_message(std::move(m)); })) {}

  ~Impl() {
    // Streams may outlive their server; they must not call it.
    for (const auto& [id, flow] : std::exchange(peers, {}))
      flow->on_lost(Error(Code::kUnavailable, "this end is shut down"));
  }

  Status start() {
    if (Status s = gate->bind(kZapEndpoint); !s) return s;
    gate->start();
    router->set(ZMQ_CURVE_SERVER, 1);
    router->set(ZMQ_CURVE_SECRETKEY, keys.secret_key);
    router->set(ZMQ_ZAP_DOMAIN, kZapDomain);
    router->set(ZMQ_ROUTER_MANDATORY, 1);
    router->set(ZMQ_SNDHWM, 0);
    // Credits bound what comes; this bounds who does not keep to them.
    router->set(ZMQ_RCVHWM, static_cast<int>(kWindowBytes / kFrameCost));
    int64_t most = kMostFrameBytes;
    zmq_setsockopt(router->get(), ZMQ_MAXMSGSIZE, &most, sizeof most);
    if (Status s = router->bind(options.listen); !s) return s;
    endpoint = router->text(ZMQ_LAST_ENDPOINT);
    router->start();
    return {};
  }

  // ---- who may connect ----

  struct Ticket {
    std::string client_key;
    Accept accept;
    std::unique_ptr<bus::Timer> expiry;
  };
  struct Held {
    std::string routing_id, request_id, key;
    std::unique_ptr<bus::Timer> timer;
  };

  Status expect(const Admission& a, bus::Duration valid, Accept accept) {
    if (valid.count() <= 0) return Error(Code::kTimeout, "the ticket came after its time");
    if (tickets.size() >= options.most_tickets)
      return Error(Code::kTooManyRequests, "too many streams are being opened");
    auto expiry = ports.clock.after(valid, [this, id = a.ticket] { tickets.erase(id); });
    tickets[a.ticket] = {a.client_key, std::move(accept), std::move(expiry)};
    for (auto at = held.begin(); at != held.end();) {
      if (at->second.key == a.client_key) {
        answer(at->second, true);
        at = held.erase(at);
      } else {
        ++at;
      }
    }
    return {};
  }

  bool known(const std::string& key) const {
    for (const auto& [id, ticket] : tickets) {
      if (ticket.client_key == key) return true;
    }
    return false;
  }

  void on_asked(ZmqMessage m) {
    if (m.parts.size() < kZapParts) return;
    Held one{m.parts[0], m.parts[3], key_text(m.parts[8]), nullptr};
    bool good = m.parts[4] == kZapDomain && m.parts[7] == "CURVE" && !one.key.empty();
    if (good && known(one.key)) return answer(one, true);
    if (!good || held.size() >= options.most_held) return answer(one, false);
    uint64_t number = ++asked;
    one.timer =
        ports.clock.after(options.patience, [this, number] { on_patience_timeout(number); });
    held.emplace(number, std::move(one));
  }

  void on_patience_timeout(uint64_t number) {
    auto found = held.find(number);
    answer(found->second, false);
    held.erase(found);
  }

  void answer(const Held& one, bool in) {
    gate->send({one.routing_id, "", kZapVersion, one.request_id, in ? "200" : "400",
                in ? "OK" : "no ticket", in ? std::string_view(one.key) : "", ""});
  }

  // ---- streams ----

  void on_message(ZmqMessage m) {
    if (m.parts.size() != 2) return;
    auto found = peers.find(m.parts[0]);
    if (found == peers.end()) return on_stranger(m);
    std::shared_ptr<Flow> flow = found->second;
    flow->on_frame(m.parts[1]);
  }

  // The first message of a connection opens its stream.
  void on_stranger(const ZmqMessage& m) {
    auto frame = parse_frame(m.parts[1]);
    if (!frame || frame->type != FrameType::kOpen) return;  // the rest of a stream that is over
    auto ticket = tickets.find(std::string(frame->bytes));
    if (ticket == tickets.end() || ticket->second.client_key != m.user) {
      router->send({m.parts[0], end_frame(End{Error(Code::kForbidden,
                                                    "the ticket is used up or past its time")})});
      return;
    }
    Accept accept = std::move(ticket->second.accept);
    tickets.erase(ticket);
    auto flow = std::make_shared<Flow>(
        ports.clock, FlowOptions{.peer = "the client"},
        [this, id = m.parts[0]](const std::string& f) {
          return router->send({id, f});
        },
        [this, id = m.parts[0]] { peers.erase(id); });
    peers.emplace(m.parts[0], flow);
    flow->accept(frame->credit);
    accept(stream_on(flow));
  }

  bus::Ports ports;
  ServerOptions options;
  KeyPair keys;
  std::string endpoint;
  std::map<std::string, Ticket> tickets;
  std::map<uint64_t, Held> held;
  uint64_t asked = 0;
  ZmqContext context;
  std::unique_ptr<ZmqSocket> gate, router;
  std::map<std::string, std::shared_ptr<Flow>> peers;
};

Result<std::unique_ptr<StreamServer>> StreamServer::open(boost::asio::io_context& loop,
                                                         bus::Ports ports, ServerOptions options) {
  auto impl = std::make_unique<Impl>(loop, ports, std::move(options));
  if (Status s = impl->start(); !s) return s.error();
  return std::unique_ptr<StreamServer>(new StreamServer(std::move(impl)));
}

StreamServer::StreamServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StreamServer::~StreamServer() = default;

Status StreamServer::expect(const Admission& admission, bus::Duration valid, Accept accept) {
  return impl_->expect(admission, valid, std::move(accept));
}

const std::string& StreamServer::endpoint() const {
  return impl_->endpoint;
}
const std::string& StreamServer::public_key() const {
  return impl_->keys.public_key;
}
size_t StreamServer::streams() const {
  return impl_->peers.size();
}

}  // namespace kubus::stream
