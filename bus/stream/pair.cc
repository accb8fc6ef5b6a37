#include "bus/stream/pair.h"

#include <deque>

#include "bus/stream/flow.h"

namespace kubus::stream {
namespace {

// One way: what was sent arrives in order, later.
struct Way : std::enable_shared_from_this<Way> {
  explicit Way(bus::Clock& c) : clock(c) {}

  void send(std::string frame) {
    waiting.push_back(std::move(frame));
    if (timer) return;
    // What is on its way arrives, though its sender may be gone.
    timer = clock.after({}, [self = shared_from_this()] { std::shared_ptr<Way>(self)->deliver(); });
  }

  void deliver() {
    timer.reset();
    auto frames = std::exchange(waiting, {});
    auto to = target;
    for (const std::string& f : frames) {
      if (to) to->on_frame(f);
    }
  }

  bus::Clock& clock;
  std::deque<std::string> waiting;
  std::shared_ptr<Flow> target;  // until it is over
  std::unique_ptr<bus::Timer> timer;
};

std::shared_ptr<Flow> flow_on(bus::Clock& clock, std::shared_ptr<Way> out,
                              const std::shared_ptr<Way>& in) {
  auto flow = std::make_shared<Flow>(
      clock, FlowOptions{},
      [out](std::string frame) {
        out->send(std::move(frame));
        return true;
      },
      [weak = std::weak_ptr<Way>(in)] {
        if (auto way = weak.lock()) way->target.reset();
      });
  in->target = flow;
  return flow;
}

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_pair(bus::Clock& clock) {
  auto there = std::make_shared<Way>(clock), back = std::make_shared<Way>(clock);
  auto client = flow_on(clock, there, back), server = flow_on(clock, back, there);
  server->accept(kWindowBytes);
  // The serving end knows of the stream already: the open frame itself is left out.
  client->await();
  return {stream_on(client), stream_on(server)};
}

}  // namespace kubus::stream
