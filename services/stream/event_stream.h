// Keeps the optional stream of events equal to the cluster's history: follows the cluster's lane
// and appends each event at the sequence that is its revision. Where the stream stands is asked,
// never remembered: after a death of anything it goes on there, and a stream that was deleted, has
// a hole or belongs to another past is made anew from the history. Loop thread only.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "bus/kit/client.h"
#include "bus/kit/feed.h"
#include "bus/ports/event_log.h"
#include "bus/ports/ports.h"
#include "bus/stream_subjects.h"

namespace kubus::stream {

struct EventStreamStats {
  uint64_t appended = 0;  // and acknowledged
  uint64_t looked = 0;    // how often it began by asking where the stream stands
  uint64_t renewed = 0;   // how often it was made anew
};

class EventStream {
 public:
  EventStream(bus::Ports ports, kit::ClientOptions client, bus::EventLog& log);
  ~EventStream();
  EventStream(const EventStream&) = delete;

  Revision position() const;  // acknowledged up to here
  const EventStreamStats& stats() const { return stats_; }

 private:
  // What one attempt, from looking until something goes wrong, has under way.
  struct Attempt;

  void on_state(bus::BusState state);
  void begin();
  void again(const std::string& why);
  void on_open(Result<bus::LogPlace> place);
  void compare(bus::LogPlace place);
  void renew();
  void probe(uint64_t after, std::function<void(bool kept, uint64_t head)> then);
  void search(uint64_t gone, uint64_t kept);
  void make_from(uint64_t first);
  void follow(uint64_t after);
  void on_event(const kit::EventView& event);
  void pump();
  void on_appended(uint64_t revision, Status status);
  void on_check();
  template <class F>
  auto mine(F f);

  bus::Ports ports_;
  kit::Client client_;
  bus::EventLog& log_;
  bus::StreamSubjects subjects_;
  EventStreamStats stats_;
  std::unique_ptr<Attempt> attempt_;
  std::unique_ptr<bus::Subscription> state_;
  std::unique_ptr<bus::Timer> retry_;
  bus::Duration backoff_{};
  std::string last_problem_;
  bool up_ = false;
};

}  // namespace kubus::stream
