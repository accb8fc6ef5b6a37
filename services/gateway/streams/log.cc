#include "services/gateway/streams/log.h"

#include "services/gateway/api/answers.h"

namespace kubus::gateway {
namespace {

using stream::Channel;
using stream::Stream;

class LogAnswer : public std::enable_shared_from_this<LogAnswer> {
 public:
  LogAnswer(std::shared_ptr<Exchange> exchange, ResourcePath path)
      : exchange_(std::move(exchange)), path_(std::move(path)) {}

  void start(stream::StreamDialer& dialer, const stream::Ticket& ticket) {
    keep_ = shared_from_this();
    exchange_->on_gone([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->leave();
    });
    exchange_->on_room([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->on_room();
    });
    Stream::Handlers h;
    h.opened = [this] { begin(); };
    h.data = [this](Channel, std::string_view bytes) { on_data(bytes); };
    h.ended = [this](const stream::End& end) { on_end(end); };
    stream_ = dialer.connect(ticket, std::move(h));
  }

 private:
  void begin() {
    if (std::exchange(begun_, true)) return;
    exchange_->start_stream(200, "text/plain");
  }

  void on_data(std::string_view bytes) {
    exchange_->write(std::make_shared<const std::string>(bytes));
    owed_ += bytes.size();
    if (exchange_->queued_bytes() < stream::kRoomBytes) on_room();
  }

  void on_room() {
    if (stream_ && owed_ > 0) stream_->consumed(std::exchange(owed_, 0));
  }

  // A stream that breaks leaves the answer without its end: the client sees that it is not whole.
  void on_end(const stream::End& end) {
    if (end.status) {
      begin();
      exchange_->finish();
    } else if (!begun_) {
      answer_error(*exchange_, end.status.error(), path_);
    }
    leave();
  }

  void leave() {
    auto keep = std::move(keep_);
    stream_.reset();
    exchange_.reset();
  }

  std::shared_ptr<Exchange> exchange_;
  ResourcePath path_;
  std::unique_ptr<Stream> stream_;
  std::shared_ptr<LogAnswer> keep_;
  size_t owed_ = 0;
  bool begun_ = false;
};

}  // namespace

void answer_log(stream::StreamDialer& dialer, const stream::Ticket& ticket,
                std::shared_ptr<Exchange> exchange, ResourcePath path) {
  std::make_shared<LogAnswer>(std::move(exchange), std::move(path))->start(dialer, ticket);
}

}  // namespace kubus::gateway
