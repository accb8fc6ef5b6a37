// Follows one lane without a gap: subscribes, notices a missed event (previous ≠ last seen, or a
// head ahead of it), asks the store for what is missing, and delivers every event once, in order.
// Survives reconnects and restarts. Loop thread only. Memory is bounded: while a gap is being
// filled live events beyond a limit are dropped and asked for.
#pragma once

#include <functional>
#include <memory>

#include "bus/kit/client.h"
#include "bus/ports/ports.h"
#include "bus/subjects.h"

namespace kubus::wire {
struct Event;
}

namespace kubus::kit {

// A verified event and the memory that it lies in. Cheap to copy.
class EventView {
 public:
  // nullopt: no well-formed Event.
  static std::optional<EventView> from(Payload payload);
  const wire::Event& event() const { return *event_; }
  const wire::Event* operator->() const { return event_; }
  const Payload& payload() const { return payload_; }
  Revision revision() const;
  // The revision before this one in `lane`.
  Revision previous(const bus::LaneId& lane) const;
  // The object that it carries (Added, Modified, Deleted of kinds that are not confidential).
  std::optional<Object> object() const;

 private:
  Payload payload_;
  const wire::Event* event_ = nullptr;
};

struct FeedStats {
  uint64_t delivered = 0, gaps = 0, filled = 0, duplicates = 0, expired = 0;
};

class Feed {
 public:
  using OnEvent = std::function<void(const EventView&)>;
  // The lane's past was compacted below where this feed stood: the follower must list again, then
  // restart(rev).
  using OnExpired = std::function<void()>;
  // Nothing is missing up to this revision of the lane (after a head was compared).
  using OnCurrent = std::function<void(Revision)>;

  // Delivers what happens in `lane` after `after`.
  Feed(bus::Ports ports, Client& client, bus::LaneId lane, Revision after, OnEvent on_event,
       OnExpired on_expired, OnCurrent on_current = {});
  ~Feed();
  Feed(const Feed&) = delete;

  void restart(Revision after);
  Revision position() const;  // the last revision delivered (or `after`)
  const FeedStats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::kit
