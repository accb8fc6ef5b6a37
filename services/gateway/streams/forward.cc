#include "services/gateway/streams/forward.h"

#include <charconv>
#include <map>

#include "bus/stream/spdy.h"
#include "services/gateway/streams/process.h"

namespace kubus::gateway {
namespace {

using stream::Channel;
using stream::End;
using stream::SpdySession;
using stream::Stream;

constexpr const char* kProtocol = "SPDY/3.1+portforward.k8s.io";
constexpr size_t kMostLegs = 512;

// One connection that the client's user made: two SPDY streams and the one to the kubelet.
struct Leg {
  uint32_t data_id = 0, error_id = 0;
  std::unique_ptr<Stream> stream;
  std::string early;  // what the client sent before the kubelet's stream was there
  bool early_end = false, data_over = false;
  size_t owed = 0;
};

class Forward : public std::enable_shared_from_this<Forward> {
 public:
  Forward(stream::StreamDialer& dialer, AskTicket ask, std::shared_ptr<WebSocket> socket)
      : dialer_(dialer), ask_(std::move(ask)), socket_(std::move(socket)) {}

  void start() {
    keep_ = shared_from_this();
    WebSocket::Handlers w;
    w.message = [this](std::string_view m) { on_message(m); };
    w.room = [this] { on_room(); };
    w.gone = [this] { leave(); };
    socket_->listen(std::move(w));
    SpdySession::Handlers h;
    h.send = [this](std::string bytes) { socket_->send(std::move(bytes)); };
    h.opened = [this](uint32_t id, const SpdySession::Headers& headers) { on_opened(id, headers); };
    h.data = [this](uint32_t id, std::string_view bytes) { on_data(id, bytes); };
    h.finished = [this](uint32_t id) { on_finished(id); };
    session_ = std::make_unique<SpdySession>(SpdySession::Side::kServer, std::move(h));
  }

 private:
  using Legs = std::map<std::string, Leg>;

  // ---- the client ----

  void on_message(std::string_view m) {
    auto keep = shared_from_this();
    if (session_ && !session_->feed(m)) {
      socket_->close();
      leave();
    }
  }

  void on_opened(uint32_t id, const SpdySession::Headers& headers) {
    auto text = [&](const char* name) {
      auto at = headers.find(name);
      return at == headers.end() ? std::string() : at->second;
    };
    std::string request = text("requestid"), type = text("streamtype"), port_text = text("port");
    int port = 0;
    std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    bool known = legs_.count(request) != 0;
    if ((type != "error" && type != "data") || (!known && legs_.size() >= kMostLegs))
      return session_->reset(id);
    Leg& leg = legs_[request];
    names_[id] = request;
    session_->reply(id);
    if (type == "error") {
      leg.error_id = id;
      return;
    }
    leg.data_id = id;
    ask_(port, [weak = weak_from_this(), request](Result<stream::Ticket> ticket) {
      if (auto self = weak.lock()) self->on_ticket(request, std::move(ticket));
    });
  }

  Legs::iterator leg_of(uint32_t id) {
    auto name = names_.find(id);
    return name == names_.end() ? legs_.end() : legs_.find(name->second);
  }

  void on_data(uint32_t id, std::string_view bytes) {
    auto at = leg_of(id);
    if (at == legs_.end() || at->second.data_id != id) return;
    Leg& leg = at->second;
    if (leg.stream) {
      leg.stream->write(Channel::kIn, bytes);
    } else {
      leg.early.append(bytes);
    }
    if (waiting(leg) >= stream::kRoomBytes) socket_->pause(true);
  }

  void on_finished(uint32_t id) {
    auto at = leg_of(id);
    if (at == legs_.end() || at->second.data_id != id) return;
    at->second.early_end = true;
    if (at->second.stream) at->second.stream->close(Channel::kIn);
  }

  static size_t waiting(const Leg& leg) {
    return leg.early.size() + (leg.stream ? leg.stream->queued() : 0);
  }

  // All share one connection: the slowest holds the others back, in bounded space.
  void on_kubelet_room() {
    for (const auto& [name, leg] : legs_) {
      if (waiting(leg) >= stream::kRoomBytes) return;
    }
    socket_->pause(false);
  }

  // ---- the kubelet ----

  void on_ticket(const std::string& request, Result<stream::Ticket> ticket) {
    auto at = legs_.find(request);
    if (at == legs_.end() || !session_) return;
    if (!ticket) return on_end(request, End{ticket.error()});
    Stream::Handlers h;
    h.data = [this, request](Channel, std::string_view bytes) { on_bytes(request, bytes); };
    h.closed = [this, request](Channel) {
      auto leg = legs_.find(request);
      if (leg != legs_.end()) finish_data(leg->second);
    };
    h.room = [this] { on_kubelet_room(); };
    h.ended = [this, request](const End& end) { on_end(request, end); };
    Leg& leg = at->second;
    leg.stream = dialer_.connect(*ticket, std::move(h));
    leg.stream->write(Channel::kIn, leg.early);
    leg.early.clear();
    if (leg.early_end) leg.stream->close(Channel::kIn);
  }

  void on_bytes(const std::string& request, std::string_view bytes) {
    auto at = legs_.find(request);
    if (at == legs_.end()) return;
    session_->send(at->second.data_id, bytes);
    at->second.owed += bytes.size();
    if (socket_->queued_bytes() < stream::kRoomBytes) on_room();
  }

  void on_room() {
    for (auto& [name, leg] : legs_) {
      if (leg.stream && leg.owed > 0) leg.stream->consumed(std::exchange(leg.owed, 0));
    }
  }

  void finish_data(Leg& leg) {
    if (leg.data_id != 0 && !std::exchange(leg.data_over, true)) session_->finish(leg.data_id);
  }

  void on_end(const std::string& request, const End& end) {
    auto at = legs_.find(request);
    if (at == legs_.end()) return;
    Leg leg = std::move(at->second);
    legs_.erase(at);
    names_.erase(leg.data_id);
    names_.erase(leg.error_id);
    if (leg.error_id != 0) {
      if (!end.status) session_->send(leg.error_id, end.status.error().message);
      session_->finish(leg.error_id);
    }
    finish_data(leg);
    on_kubelet_room();
  }

  void leave() {
    auto keep = std::move(keep_);
    legs_.clear();
    socket_.reset();
    // The session may be calling.
    over_ = std::move(session_);
  }

  stream::StreamDialer& dialer_;
  AskTicket ask_;
  std::shared_ptr<WebSocket> socket_;
  std::unique_ptr<SpdySession> session_, over_;
  Legs legs_;                              // by the client's request id
  std::map<uint32_t, std::string> names_;  // of SPDY streams
  std::shared_ptr<Forward> keep_;
};

}  // namespace

Status check_forward_upgrade(const HttpRequest& request) {
  if (is_websocket(request) && choose_protocol(request, {kProtocol})) return {};
  return Error(Code::kBadRequest, "ports are forwarded over a WebSocket with the subprotocol " +
                                      std::string(kProtocol) + " (kubectl 1.31 and later)");
}

void answer_forward(stream::StreamDialer& dialer, AskTicket ask,
                    const std::shared_ptr<Exchange>& exchange) {
  std::make_shared<Forward>(dialer, std::move(ask), exchange->upgrade(kProtocol))->start();
}

}  // namespace kubus::gateway
