#include "bus/stream/pair.h"

#include <deque>

#include "bus/stream/flow.h"

namespace kubus::stream {
namespace {

// One way: what was sent arrives in order, later.
struct Way {
  explicit Way(bus::Clock& c) : clock(c) {}
  void deliver() {
    timer.reset();
    auto frames = std::exchange(waiting, {});
    auto to = target.lock();
    for (const std::string& f : frames) {
      if (to) to->on_frame(f);
    }
  }
  bus::Clock& clock;
  std::deque<std::string> waiting;
  std::weak_ptr<Flow> target;
  std::unique_ptr<bus::Timer> timer;
};

std::shared_ptr<Flow> flow_on(bus::Clock& clock, std::shared_ptr<Way> way) {
  return std::make_shared<Flow>(
      clock, FlowOptions{},
      [way](std::string frame) {
        if (way->target.expired()) return false;
        way->waiting.push_back(std::move(frame));
        if (!way->timer)
          way->timer = way->clock.after({}, [w = std::weak_ptr<Way>(way)] {
            if (auto self = w.lock()) self->deliver();
          });
        return true;
      },
      [] {});
}

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_pair(bus::Clock& clock) {
  auto there = std::make_shared<Way>(clock), back = std::make_shared<Way>(clock);
  auto client = flow_on(clock, there), server = flow_on(clock, back);
  there->target = server;
  back->target = client;
  server->accept(kWindowBytes);
  auto end = stream_on(client);
  // The serving end knows of the stream already: the open frame itself is left out.
  client->await();
  return {std::move(end), stream_on(server)};
}

}  // namespace kubus::stream
