#include "agents/kubelet/cri/streaming.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <deque>
#include <optional>
#include <set>

#include "bus/stream/spdy.h"

namespace kubus::kubelet {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using asio::ip::tcp;
using boost::system::error_code;
using stream::Channel;
using stream::End;
using stream::Stream;

constexpr size_t kMostHeadBytes = 16 << 10, kMostStatusBytes = 64 << 10, kReadBytes = 32 << 10;
constexpr std::chrono::seconds kOpening{15};

struct Place {
  std::string host, port, path;
};

// Only an address in numbers: the runtime's own, on loopback.
std::optional<Place> parse_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  size_t slash = url.find('/', kScheme.size());
  if (slash == std::string::npos) return std::nullopt;
  std::string authority = url.substr(kScheme.size(), slash - kScheme.size());
  size_t colon = authority.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = authority.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return Place{host, authority.substr(colon + 1), url.substr(slash)};
}

std::string upgrade_text(const Place& place, bool forward) {
  return "POST " + place.path + " HTTP/1.1\r\nHost: " + place.host + ":" + place.port +
         "\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: " +
         (forward ? "portforward.k8s.io" : "v4.channel.k8s.io") + "\r\nContent-Length: 0\r\n\r\n";
}

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& loop, StreamingTarget target, std::weak_ptr<bool> alive,
             StreamDone done)
      : loop_(loop),
        socket_(loop),
        timer_(loop),
        target_(std::move(target)),
        alive_(std::move(alive)),
        done_(std::move(done)) {}

  void start() {
    timer_.expires_after(kOpening);
    timer_.async_wait([weak = weak_from_this()](error_code code) {
      auto self = weak.lock();
      if (!code && self) self->fail(Error(Code::kTimeout, "the runtime did not open the stream"));
    });
    auto place = parse_url(target_.url);
    error_code code;
    auto address = asio::ip::make_address(place ? place->host : "", code);
    int port = 0;
    if (place) std::from_chars(place->port.data(), place->port.data() + place->port.size(), port);
    if (code || port <= 0 || port > UINT16_MAX) {
      asio::post(loop_, [self = shared_from_this()] {
        self->fail(
            Error(Code::kInternal, "the runtime gave a malformed URL: " + self->target_.url));
      });
      return;
    }
    socket_.async_connect({address, static_cast<uint16_t>(port)},
                          [self = shared_from_this(), place = *place](error_code failed) {
                            self->on_connected(failed, place);
                          });
  }

  // ---- the Stream's side ----

  void listen(Stream::Handlers handlers) {
    handlers_ = std::make_shared<Stream::Handlers>(std::move(handlers));
    // What came before somebody listened.
    asio::post(loop_, [self = shared_from_this()] { self->deliver(); });
  }

  void write(Channel channel, std::string_view bytes) {
    if (auto id = id_of(channel); id && session_) session_->send(*id, bytes);
  }

  void close(Channel channel) {
    if (auto id = id_of(channel); id && session_) session_->finish(*id);
  }

  void consumed(size_t bytes) {
    unread_ -= std::min(bytes, unread_);
    read();
  }

  size_t queued() const { return queued_; }

  void leave() {
    handlers_.reset();
    done_ = nullptr;
    drop();
  }

 private:
  std::optional<uint32_t> id_of(Channel c) const {
    if (target_.forward && c == Channel::kIn) return in_id_;
    for (const auto& [id, channel] : channels_) {
      if (channel == c) return id;
    }
    return std::nullopt;
  }

  // ---- opening ----

  void on_connected(error_code code, const Place& place) {
    if (over_) return;
    if (code)
      return fail(
          Error(Code::kUnavailable, "cannot reach the runtime's streams: " + code.message()));
    socket_.set_option(tcp::no_delay(true), code);
    send(upgrade_text(place, target_.forward));
    read();
  }

  void on_head() {
    size_t end = head_.find("\r\n\r\n");
    if (end == std::string::npos) {
      if (head_.size() > kMostHeadBytes)
        fail(Error(Code::kInternal, "the runtime's answer is too long"));
      return;
    }
    if (head_.find(" 101 ") != head_.find(' ')) {
      std::string status = head_.substr(0, head_.find("\r\n")), body = head_.substr(end + 4);
      return fail(Error(Code::kInternal, "the runtime refused the stream: " + status +
                                             (body.empty() ? "" : ": " + body)));
    }
    std::string rest = head_.substr(end + 4);
    open_channels();
    if (!rest.empty()) feed(rest);
  }

  void open_channels() {
    stream::SpdySession::Handlers h;
    h.send = [this](std::string bytes) { send(std::move(bytes)); };
    h.replied = [this](uint32_t id) { on_replied(id); };
    h.data = [this](uint32_t id, std::string_view bytes) { on_data(id, bytes); };
    h.finished = [this](uint32_t id) { on_finished(id); };
    session_ =
        std::make_unique<stream::SpdySession>(stream::SpdySession::Side::kClient, std::move(h));
    status_id_ = open_channel("error", target_.forward);
    const StreamOptions& o = target_.options;
    if (target_.forward) {
      uint32_t id = open_channel("data", false);
      channels_ = {{id, Channel::kOut}};
      in_id_ = id;
      return;
    }
    if (o.in) channels_[open_channel("stdin", false)] = Channel::kIn;
    if (o.out) channels_[open_channel("stdout", false)] = Channel::kOut;
    if (o.err && !o.tty) channels_[open_channel("stderr", false)] = Channel::kErr;
    if (o.tty) channels_[open_channel("resize", false)] = Channel::kResize;
  }

  uint32_t open_channel(const std::string& type, bool finish) {
    stream::SpdySession::Headers headers{{"streamtype", type}};
    if (target_.forward) {
      headers["port"] = std::to_string(target_.port);
      headers["requestid"] = "0";
    }
    uint32_t id = session_->open(headers, finish);
    opening_.insert(id);
    return id;
  }

  void on_replied(uint32_t id) {
    if (!opening_.erase(id) || !opening_.empty()) return;
    timer_.cancel();
    deliver_done();
  }

  void deliver_done();

  // ---- what comes ----

  void read() {
    if (over_ || reading_ || unread_ >= stream::kWindowBytes) return;
    reading_ = true;
    socket_.async_read_some(
        asio::buffer(buffer_),
        [self = shared_from_this()](error_code code, size_t n) { self->on_read(code, n); });
  }

  void on_read(error_code code, size_t n) {
    if (over_) return;
    if (code) return on_end_of_connection();
    std::string_view bytes(buffer_.data(), n);
    if (session_) {
      feed(bytes);
    } else {
      head_.append(bytes);
      on_head();
    }
    // Not before: the buffer is in use.
    reading_ = false;
    read();
  }

  void feed(std::string_view bytes) {
    if (Status s = session_->feed(bytes); !s) fail(s.error());
  }

  void on_data(uint32_t id, std::string_view bytes) {
    if (id == status_id_) {
      if (status_.size() < kMostStatusBytes) status_.append(bytes);
      return;
    }
    auto channel = channels_.find(id);
    if (channel == channels_.end()) return;
    unread_ += bytes.size();
    waiting_.push_back({channel->second, std::string(bytes), false});
    deliver();
  }

  void on_finished(uint32_t id) {
    if (id == status_id_) status_known_ = true;
    if (auto channel = channels_.find(id); channel != channels_.end())
      waiting_.push_back({channel->second, "", true});
    ended_.insert(id);
    deliver();
  }

  // The status is there, and all that the process wrote.
  bool complete() const {
    if (!status_known_) return false;
    for (const auto& [id, channel] : channels_) {
      if ((channel == Channel::kOut || channel == Channel::kErr) && !ended_.count(id)) return false;
    }
    return true;
  }

  void deliver() {
    auto keep = shared_from_this();
    while (handlers_ && !waiting_.empty()) {
      Piece piece = std::move(waiting_.front());
      waiting_.pop_front();
      auto h = handlers_;
      if (piece.close) {
        if (h->closed) h->closed(piece.channel);
      } else if (h->data) {
        h->data(piece.channel, piece.bytes);
      }
    }
    if (handlers_ && waiting_.empty() && (complete() || lost_)) finish();
  }

  void on_end_of_connection() {
    if (!session_ || !opening_.empty())
      return fail(Error(Code::kUnavailable, "the runtime broke the stream off"));
    lost_ = true;
    deliver();
  }

  void finish() {
    End end = end_of();
    auto h = std::exchange(handlers_, nullptr);
    drop();
    if (h && h->ended) h->ended(end);
  }

  End end_of() const {
    if (target_.forward) {
      if (status_.empty()) return {};
      return End{Error(Code::kUnavailable, status_)};
    }
    if (!status_.empty()) return end_of_status(status_);
    return End{Error(Code::kUnavailable, "the runtime broke the stream off")};
  }

  void fail(Error error) {
    auto keep = shared_from_this();
    drop();
    if (auto f = std::exchange(done_, nullptr)) {
      if (!alive_.expired()) f(std::move(error));
      return;
    }
    auto h = std::exchange(handlers_, nullptr);
    if (h && h->ended) h->ended(End{std::move(error)});
  }

  void drop() {
    if (std::exchange(over_, true)) return;
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
    // Freed behind the present call, which may be its own.
    asio::post(loop_, [session = std::shared_ptr<stream::SpdySession>(std::move(session_))] {});
  }

  // ---- what goes ----

  void send(std::string bytes) {
    if (over_) return;
    queued_ += bytes.size();
    out_.push_back(std::move(bytes));
    if (!writing_) pump();
  }

  void pump() {
    writing_ = true;
    asio::async_write(
        socket_, asio::buffer(out_.front()),
        [self = shared_from_this()](error_code code, size_t) { self->on_written(code); });
  }

  void on_written(error_code code) {
    writing_ = false;
    if (over_ || code) return;  // reading notices that it is gone
    bool was_full = queued_ >= stream::kRoomBytes;
    queued_ -= out_.front().size();
    out_.pop_front();
    if (!out_.empty()) pump();
    auto h = handlers_;
    if (was_full && queued_ < stream::kRoomBytes && h && h->room) h->room();
  }

  struct Piece {
    Channel channel;
    std::string bytes;
    bool close;
  };

  asio::io_context& loop_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  StreamingTarget target_;
  std::weak_ptr<bool> alive_;
  StreamDone done_;
  std::shared_ptr<Stream::Handlers> handlers_;
  std::unique_ptr<stream::SpdySession> session_;
  std::map<uint32_t, Channel> channels_;
  std::set<uint32_t> opening_, ended_;
  uint32_t status_id_ = 0, in_id_ = 0;
  std::array<char, kReadBytes> buffer_;
  std::string head_, status_;
  std::deque<Piece> waiting_;
  std::deque<std::string> out_;
  size_t unread_ = 0, queued_ = 0;
  bool reading_ = false, writing_ = false, status_known_ = false, lost_ = false, over_ = false;
};

class RuntimeStream final : public Stream {
 public:
  explicit RuntimeStream(std::shared_ptr<Connection> c) : connection_(std::move(c)) {}
  ~RuntimeStream() override { connection_->leave(); }
  void listen(Handlers handlers) override { connection_->listen(std::move(handlers)); }
  void open() override {}
  void write(Channel c, std::string_view bytes) override { connection_->write(c, bytes); }
  void close(Channel c) override { connection_->close(c); }
  size_t queued() const override { return connection_->queued(); }
  void consumed(size_t bytes) override { connection_->consumed(bytes); }
  void end(End) override { connection_->leave(); }

 private:
  std::shared_ptr<Connection> connection_;
};

void Connection::deliver_done() {
  auto f = std::exchange(done_, nullptr);
  if (f && !alive_.expired()) f(std::unique_ptr<Stream>(new RuntimeStream(shared_from_this())));
}

int exit_code_of(const json::object& status) {
  const json::value* details = status.if_contains("details");
  const json::value* causes =
      details && details->is_object() ? details->as_object().if_contains("causes") : nullptr;
  for (const json::value& v : causes && causes->is_array() ? causes->as_array() : json::array()) {
    const json::object* cause = v.if_object();
    const json::value* reason = cause ? cause->if_contains("reason") : nullptr;
    const json::value* message = cause ? cause->if_contains("message") : nullptr;
    if (!reason || !message || !message->is_string() || *reason != "ExitCode") continue;
    std::string_view text = message->as_string();
    int code = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), code).ec == std::errc())
      return code;
  }
  return 0;
}

}  // namespace

End end_of_status(const std::string& text) {
  error_code code;
  json::value value = json::parse(text, code);
  const json::object* status = code ? nullptr : value.if_object();
  if (!status) return End{Error(Code::kInternal, text)};
  const json::value* result = status->if_contains("status");
  if (result && *result == "Success") return {};
  if (int exit = exit_code_of(*status); exit != 0) return {{}, exit};
  const json::value* message = status->if_contains("message");
  return End{Error(Code::kInternal, message && message->is_string()
                                        ? std::string(message->as_string())
                                        : "the runtime does not say why it failed")};
}

void open_streaming(asio::io_context& loop, StreamingTarget target, std::weak_ptr<bool> alive,
                    StreamDone done) {
  std::make_shared<Connection>(loop, std::move(target), std::move(alive), std::move(done))->start();
}

}  // namespace kubus::kubelet
