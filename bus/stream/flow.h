// The state of one end of a stream, apart from any socket: what is queued, what may be sent, who is
// still there. Frames come in by on_frame() and leave by `send`. Loop thread only.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bus/ports/ports.h"
#include "bus/stream/frames.h"
#include "bus/stream/stream.h"

namespace kubus::stream {

struct FlowOptions {
  bus::Duration beat = std::chrono::seconds(5);           // a ping so often
  bus::Duration most_silence = std::chrono::seconds(20);  // then the other end is taken for gone
  bus::Duration opening = std::chrono::seconds(30);       // the serving end has so long to be ready
  std::string peer = "the other end";                     // what errors call it
};

class Flow final : public std::enable_shared_from_this<Flow> {
 public:
  // false: the other end cannot be reached any more.
  using Send = std::function<bool(std::string frame)>;

  // `over`: nothing more is sent or heard. It may destroy what `send` needs.
  Flow(bus::Clock& clock, FlowOptions options, Send send, std::function<void()> over);

  // The connecting end's beginning. await(): its open frame went another way.
  void connect(std::string_view ticket);
  void await();
  // The serving end's: what the other end's open frame said.
  void accept(uint32_t credit);

  void on_frame(std::string_view message);
  // The connection is gone.
  void on_lost(Error why);

  void listen(Stream::Handlers handlers);
  void open();
  void write(Channel channel, std::string_view bytes);
  void close(Channel channel);
  size_t queued() const { return queued_; }
  void consumed(size_t bytes);
  void end(End end);
  // Whoever held this end is gone.
  void abandon();

 private:
  struct Piece {
    Channel channel;
    std::string bytes;
    bool close = false;
  };

  void on_data(const Frame& frame);
  void on_beat_timeout();
  void arm_beat();
  void pump();
  bool send_first();
  void send(std::string frame);
  void give_credit(size_t n);
  void fail(Error why);  // tells the other end too
  void finish(End end);  // tells the owner
  void leave();

  bus::Clock& clock_;
  FlowOptions options_;
  Send send_;
  std::function<void()> over_;
  std::shared_ptr<Stream::Handlers> handlers_;
  std::deque<Piece> out_;
  size_t queued_ = 0;
  size_t credit_ = 0;       // that we may send
  size_t outstanding_ = 0;  // of our window: received and not yet given back
  size_t returned_ = 0;     // consumed, not yet told
  std::array<bool, kChannels> closed_in_{}, closed_out_{};
  std::optional<End> end_;  // to be sent behind what is queued
  bool connecting_ = false, opened_ = false, was_full_ = false, left_ = false;
  bus::Instant heard_, began_;
  std::unique_ptr<bus::Timer> beat_;
};

// A Stream on a Flow; its destruction abandons it.
std::unique_ptr<Stream> stream_on(std::shared_ptr<Flow> flow);

}  // namespace kubus::stream
