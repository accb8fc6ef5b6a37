#include "services/gateway/streams/process.h"

#include <algorithm>
#include <boost/json.hpp>

#include "schemas/lib/base/error_codes.h"
#include "services/gateway/api/answers.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;
using stream::Channel;
using stream::End;
using stream::Stream;

constexpr char kStdin = 0, kStdout = 1, kStderr = 2, kStatus = 3, kResize = 4,
               kClose = static_cast<char>(0xff);

std::string trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string_view::npos ? "" : std::string(text.substr(begin, end - begin + 1));
}

const std::vector<std::string>& protocols() {
  static const std::vector<std::string> kKnown = {"v5.channel.k8s.io", "v4.channel.k8s.io"};
  return kKnown;
}

std::string status_text(const End& end) {
  if (end.status && end.exit_code == 0)
    return json::serialize(json::object{{"metadata", json::object()}, {"status", "Success"}});
  json::object out{{"metadata", json::object()}, {"status", "Failure"}};
  if (end.status) {
    std::string code = std::to_string(end.exit_code);
    out["message"] = "command terminated with non-zero exit code: exit status " + code;
    out["reason"] = "NonZeroExitCode";
    out["details"] = {
        {"causes", json::array{json::object{{"reason", "ExitCode"}, {"message", code}}}}};
    return json::serialize(out);
  }
  out["message"] = end.status.error().message;
  out["reason"] = status_reason(end.status.error().code);
  out["code"] = http_status(end.status.error().code);
  return json::serialize(out);
}

class ProcessAnswer : public std::enable_shared_from_this<ProcessAnswer> {
 public:
  ProcessAnswer(std::shared_ptr<Exchange> exchange, ResourcePath path)
      : exchange_(std::move(exchange)), path_(std::move(path)) {}

  void start(stream::StreamDialer& dialer, const stream::Ticket& ticket) {
    keep_ = shared_from_this();
    exchange_->on_gone([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->leave();
    });
    Stream::Handlers h;
    h.opened = [this] { on_opened(); };
    h.data = [this](Channel c, std::string_view bytes) { on_data(c, bytes); };
    h.room = [this] {
      if (socket_) socket_->pause(false);
    };
    h.ended = [this](const End& end) { on_end(end); };
    stream_ = dialer.connect(ticket, std::move(h));
  }

 private:
  void on_opened() {
    auto protocol = choose_protocol(exchange_->request(), protocols());
    socket_ = exchange_->upgrade(protocol.value_or(""));
    WebSocket::Handlers h;
    h.message = [weak = weak_from_this()](std::string_view m) {
      if (auto self = weak.lock()) self->on_message(m);
    };
    h.room = [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->on_room();
    };
    h.gone = [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->leave();
    };
    socket_->listen(std::move(h));
  }

  void on_message(std::string_view m) {
    if (m.empty() || !stream_) return;
    std::string_view rest = m.substr(1);
    if (m[0] == kStdin) stream_->write(Channel::kIn, rest);
    if (m[0] == kResize) stream_->write(Channel::kResize, rest);
    if (m[0] == kClose && !rest.empty() && rest[0] == kStdin) stream_->close(Channel::kIn);
    if (stream_->queued() >= stream::kRoomBytes) socket_->pause(true);
  }

  void on_data(Channel channel, std::string_view bytes) {
    std::string message(1, channel == Channel::kErr ? kStderr : kStdout);
    message.append(bytes);
    socket_->send(std::move(message));
    owed_ += bytes.size();
    if (socket_->queued_bytes() < stream::kRoomBytes) on_room();
  }

  void on_room() {
    if (stream_ && owed_ > 0) stream_->consumed(std::exchange(owed_, 0));
  }

  void on_end(const End& end) {
    if (socket_) {
      socket_->send(std::string(1, kStatus) + status_text(end));
      socket_->close();
    } else {
      answer_error(*exchange_,
                   end.status ? Error(Code::kInternal, "the stream ended before it began")
                              : end.status.error(),
                   path_);
    }
    leave();
  }

  void leave() {
    auto keep = std::move(keep_);
    stream_.reset();
    socket_.reset();
    exchange_.reset();
  }

  std::shared_ptr<Exchange> exchange_;
  ResourcePath path_;
  std::shared_ptr<WebSocket> socket_;
  std::unique_ptr<Stream> stream_;
  std::shared_ptr<ProcessAnswer> keep_;
  size_t owed_ = 0;
};

}  // namespace

bool is_websocket(const HttpRequest& r) {
  std::string upgrade = r.header("upgrade");
  std::transform(upgrade.begin(), upgrade.end(), upgrade.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return r.method == "GET" && upgrade == "websocket";
}

std::optional<std::string> choose_protocol(const HttpRequest& r,
                                           const std::vector<std::string>& known) {
  std::vector<std::string> offered;
  auto [begin, end] = r.headers.equal_range("sec-websocket-protocol");
  for (auto at = begin; at != end; ++at) {
    std::string_view rest = at->second;
    while (!rest.empty()) {
      size_t comma = rest.find(',');
      offered.push_back(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  for (const std::string& k : known) {
    if (std::find(offered.begin(), offered.end(), k) != offered.end()) return k;
  }
  return std::nullopt;
}

Status check_process_upgrade(const HttpRequest& request) {
  if (is_websocket(request) && choose_protocol(request, protocols())) return {};
  return Error(Code::kBadRequest,
               "this is served over a WebSocket with the subprotocol v5.channel.k8s.io or "
               "v4.channel.k8s.io (kubectl 1.30 and later)");
}

void answer_process(stream::StreamDialer& dialer, const stream::Ticket& ticket,
                    std::shared_ptr<Exchange> exchange, ResourcePath path) {
  std::make_shared<ProcessAnswer>(std::move(exchange), std::move(path))->start(dialer, ticket);
}

}  // namespace kubus::gateway
