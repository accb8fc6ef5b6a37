// Plays events of the past in their order, as far apart as they happened, divided by the speed. It
// knows neither where they come from nor where they go. Loop thread only; time is the Clock's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bus/kit/feed.h"
#include "bus/ports/clock.h"
#include "bus/replay/speed.h"

namespace kubus::replay {

// Where the past is read from.
class Source {
 public:
  struct Page {
    std::vector<kit::EventView> events;  // oldest first
    Revision complete_to;                // nothing else happened up to here
  };
  virtual ~Source() = default;
  // What happened after `after` and up to `to`, a page of it: at least one event if there is any.
  // Calls `done` once, at once or later, but not after the source is gone.
  virtual void read(Revision after, Revision to, std::function<void(Result<Page>)> done) = 0;
  // The last revision at or before that time (unix ns).
  virtual void revision_at(int64_t time_ns, std::function<void(Result<Revision>)> done) = 0;
};

struct PlayerOptions {
  Revision from;  // events behind this one are played …
  Revision to;    // … up to this one
  Speed speed;
  bool paused = false;
};

struct PlayState {
  Revision position;    // this and everything before it has happened
  int64_t time_ns = 0;  // of the event there; 0: none was played yet
  Revision from, to;
  Speed speed;
  bool paused = false;
  bool ended = false;  // at `to`, or the source failed
  uint64_t played = 0;
};

class Player {
 public:
  // False: it cannot be taken now; it comes again a little later.
  using Sink = std::function<bool(const kit::EventView&)>;
  // The position jumped.
  using OnSeek = std::function<void(Revision)>;
  // At the end of the range, as often as it is reached; or the source's error.
  using OnEnd = std::function<void(Status)>;

  Player(bus::Clock& clock, Source& source, PlayerOptions options, Sink sink, OnSeek on_seek,
         OnEnd on_end);
  Player(const Player&) = delete;

  void pause();
  void resume();
  // So many events now, and no more until the next step or resume().
  void step(uint64_t events);
  // As if everything up to `position` had just happened. kBadRequest: outside the range.
  Status seek(Revision position);
  void set_speed(Speed speed);
  PlayState state() const { return state_; }

 private:
  struct Anchor {
    bus::Instant at;      // then it was …
    int64_t time_ns = 0;  // … this late in the past
  };

  void wake();
  void tick();
  bool due(const kit::EventView& event);
  bool play_front();
  void read();
  void on_page(Result<Source::Page> page);
  void end(Status status);
  int64_t past_now() const;
  void stop_clock();

  bus::Clock& clock_;
  Source& source_;
  PlayState state_;
  Sink sink_;
  OnSeek on_seek_;
  OnEnd on_end_;
  std::deque<kit::EventView> events_;
  Revision read_to_;      // what was read reaches to here
  uint64_t episode_ = 0;  // pages that were asked for in an earlier one are void
  bool reading_ = false;
  uint64_t steps_ = 0;
  std::optional<Anchor> anchor_;       // while time passes
  std::optional<int64_t> stopped_at_;  // where in the past the clock stands
  std::unique_ptr<bus::Timer> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::replay
