#include "bus/stream/flow.h"

#include <algorithm>

namespace kubus::stream {
namespace {

constexpr size_t kChunkBytes = 32 << 10;
// Credit is given back in lumps.
constexpr size_t kLumpBytes = kWindowBytes / 4;

size_t index(Channel c) {
  return static_cast<size_t>(c);
}

class FlowStream final : public Stream {
 public:
  explicit FlowStream(std::shared_ptr<Flow> flow) : flow_(std::move(flow)) {}
  ~FlowStream() override { flow_->abandon(); }
  void listen(Handlers handlers) override { flow_->listen(std::move(handlers)); }
  void open() override { flow_->open(); }
  void write(Channel c, std::string_view bytes) override { flow_->write(c, bytes); }
  void close(Channel c) override { flow_->close(c); }
  size_t queued() const override { return flow_->queued(); }
  void consumed(size_t bytes) override { flow_->consumed(bytes); }
  void end(End end) override { flow_->end(std::move(end)); }

 private:
  std::shared_ptr<Flow> flow_;
};

}  // namespace

Flow::Flow(bus::Clock& clock, FlowOptions options, Send send, std::function<void()> over)
    : clock_(clock), options_(std::move(options)), send_(std::move(send)), over_(std::move(over)) {
  heard_ = began_ = clock_.now();
}

void Flow::await() {
  connecting_ = true;
  arm_beat();
}

void Flow::connect(std::string_view ticket) {
  await();
  send(open_frame(ticket, kWindowBytes));
}

void Flow::accept(uint32_t credit) {
  credit_ = std::min<size_t>(credit, kWindowBytes);
  arm_beat();
}

void Flow::listen(Stream::Handlers handlers) {
  handlers_ = std::make_shared<Stream::Handlers>(std::move(handlers));
}

// ---- what comes ----

void Flow::on_frame(std::string_view message) {
  if (left_) return;
  auto keep = shared_from_this();
  heard_ = clock_.now();
  auto frame = parse_frame(message);
  if (!frame) return fail(Error(Code::kBadRequest, "a malformed frame came from " + options_.peer));
  switch (frame->type) {
    case FrameType::kOpen:
      return fail(Error(Code::kBadRequest, "a stream cannot be opened twice"));
    case FrameType::kOpened:
      if (!connecting_ || opened_) return;
      opened_ = true;
      credit_ = std::min<size_t>(frame->credit, kWindowBytes);
      if (auto h = handlers_; h && h->opened) h->opened();
      return pump();
    case FrameType::kData:
      return on_data(*frame);
    case FrameType::kClose:
      if (std::exchange(closed_in_[index(frame->channel)], true)) return;
      if (auto h = handlers_; h && h->closed) h->closed(frame->channel);
      return;
    case FrameType::kCredit:
      // Beyond a window there is nothing that it could give back.
      credit_ = std::min(credit_ + frame->credit, kWindowBytes);
      return pump();
    case FrameType::kEnd:
      return finish(std::move(frame->end));
    case FrameType::kPing:
      return;
  }
  fail(Error(Code::kBadRequest, "an unknown frame came from " + options_.peer));
}

void Flow::on_data(const Frame& frame) {
  outstanding_ += frame.bytes.size() + kFrameCost;
  if (outstanding_ > kWindowBytes || closed_in_[index(frame.channel)])
    return fail(Error(Code::kBadRequest, options_.peer + " sent more than it may"));
  give_credit(kFrameCost);
  if (auto h = handlers_; h && h->data) return h->data(frame.channel, frame.bytes);
  give_credit(frame.bytes.size());
}

void Flow::consumed(size_t bytes) {
  give_credit(bytes);
}

void Flow::give_credit(size_t n) {
  n = std::min(n, outstanding_ - returned_);
  returned_ += n;
  if (left_ || returned_ < kLumpBytes) return;
  outstanding_ -= returned_;
  send(credit_frame(static_cast<uint32_t>(std::exchange(returned_, 0))));
}

void Flow::on_lost(Error why) {
  if (left_) return;
  auto keep = shared_from_this();
  finish(End{std::move(why)});
}

// ---- signs of life ----

void Flow::arm_beat() {
  beat_ = clock_.after(options_.beat, [this] { on_beat_timeout(); });
}

void Flow::on_beat_timeout() {
  auto keep = shared_from_this();
  if (clock_.now() - heard_ > options_.most_silence)
    return fail(Error(Code::kTimeout, "nothing is heard from " + options_.peer + " any more"));
  if (connecting_ && !opened_ && clock_.now() - began_ > options_.opening)
    return fail(Error(Code::kTimeout, options_.peer + " did not open the stream in time"));
  arm_beat();
  send(ping_frame());
}

// ---- what goes ----

void Flow::open() {
  if (left_ || connecting_ || std::exchange(opened_, true)) return;
  auto keep = shared_from_this();
  send(opened_frame(kWindowBytes));
  pump();
}

void Flow::write(Channel channel, std::string_view bytes) {
  if (left_ || end_ || bytes.empty() || closed_out_[index(channel)]) return;
  queued_ += bytes.size();
  bool more = !out_.empty() && !out_.back().close && out_.back().channel == channel &&
              out_.back().bytes.size() < kChunkBytes;
  if (more) {
    out_.back().bytes.append(bytes);
  } else {
    out_.push_back({channel, std::string(bytes)});
  }
  was_full_ |= queued_ >= kRoomBytes;
  pump();
}

void Flow::close(Channel channel) {
  if (left_ || end_ || std::exchange(closed_out_[index(channel)], true)) return;
  out_.push_back({channel, "", true});
  pump();
}

void Flow::end(End end) {
  if (left_ || end_) return;
  handlers_.reset();
  end_ = std::move(end);
  pump();
}

void Flow::abandon() {
  if (left_) return;
  handlers_.reset();
  if (end_) return;  // goes on behind what is queued
  out_.clear();
  queued_ = 0;
  end(End{Error(Code::kUnavailable, "the other end closed the stream")});
}

// The first piece, or as much of it as the credit allows. False: it has to wait.
bool Flow::send_first() {
  Piece& first = out_.front();
  if (first.close) {
    send(close_frame(first.channel));
    if (!left_) out_.pop_front();
    return true;
  }
  if (credit_ <= kFrameCost) return false;
  size_t n = std::min({first.bytes.size(), kChunkBytes, credit_ - kFrameCost});
  std::string frame = data_frame(first.channel, std::string_view(first.bytes).substr(0, n));
  credit_ -= n + kFrameCost;
  queued_ -= n;
  if (n == first.bytes.size()) {
    out_.pop_front();
  } else {
    first.bytes.erase(0, n);
  }
  send(std::move(frame));
  return true;
}

void Flow::pump() {
  if (left_ || (!opened_ && !end_)) return;
  auto keep = shared_from_this();
  while (!left_ && opened_ && !out_.empty() && send_first()) {
  }
  if (left_) return;
  if (end_ && (out_.empty() || !opened_)) {
    send_(end_frame(*end_));
    return leave();
  }
  if (!was_full_ || queued_ >= kRoomBytes) return;
  was_full_ = false;
  if (auto h = handlers_; h && h->room) h->room();
}

void Flow::send(std::string frame) {
  if (left_) return;
  if (send_(std::move(frame))) return;
  finish(End{Error(Code::kUnavailable, options_.peer + " has gone")});
}

void Flow::fail(Error why) {
  if (left_) return;
  send_(end_frame(End{why}));
  finish(End{std::move(why)});
}

void Flow::finish(End end) {
  if (left_) return;
  auto h = std::exchange(handlers_, nullptr);
  leave();
  if (h && h->ended) h->ended(end);
}

void Flow::leave() {
  left_ = true;
  beat_.reset();
  out_.clear();
  queued_ = 0;
  if (auto f = std::exchange(over_, nullptr)) f();
}

std::unique_ptr<Stream> stream_on(std::shared_ptr<Flow> flow) {
  return std::make_unique<FlowStream>(std::move(flow));
}

}  // namespace kubus::stream
