#include "bus/kit/feed.h"

#include <algorithm>
#include <deque>

#include "bus/kit/requests.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"

namespace kubus::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kWaitingMost = 1024;
constexpr size_t kWaitingBytesMost = 4 << 20;
constexpr bus::Duration kFirstBackoff = milliseconds(100);
constexpr int kBackoffDoublings = 6;
constexpr bus::Duration kHeadEvery = seconds(30);  // and up to as much again

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

bool rides_on(const wire::Event& e, const bus::LaneId& lane) {
  switch (lane.form()) {
    case bus::LaneId::Form::kObject:
      if (text(e.name()) != lane.name) return false;
      [[fallthrough]];
    case bus::LaneId::Form::kNamespace:
      if (text(e.namespace_()) != lane.ns) return false;
      [[fallthrough]];
    case bus::LaneId::Form::kResource:
      return text(e.group()) == lane.group && text(e.resource()) == lane.resource;
    case bus::LaneId::Form::kNode:
      return text(e.node()) == lane.node;
    case bus::LaneId::Form::kCluster:
      return true;
  }
  return false;
}

}  // namespace

// kLive: events are delivered as they come. kFilling: a request for what is missing is under way,
// or waits for its next attempt; what comes meanwhile waits. kExpired: until restart().
struct Feed::Impl {
  enum class Mode : uint8_t { kLive, kFilling, kExpired };

  Impl(bus::Ports p, Client& c, bus::LaneId l, Revision after, OnEvent e, OnExpired x, OnCurrent k)
      : ports(p),
        client(c),
        lane(std::move(l)),
        position(after),
        on_event(std::move(e)),
        on_expired(std::move(x)),
        on_current(std::move(k)) {}

  // Subscribed before anything is asked for: what happens after the answer was read comes live.
  void start() {
    events = ports.bus.subscribe(client.subjects().events_of(lane),
                                 [this](bus::Message m) { on_message(std::move(m)); });
    heads = ports.bus.subscribe(bus::Pattern::given(client.subjects().head(lane).str()),
                                [this](bus::Message m) { on_head(m); });
    states = ports.bus.watch_state([this](bus::BusState s) { on_state(s); });
    fill();
  }

  // ---- ways in ----

  void on_message(bus::Message message) {
    if (mode == Mode::kExpired) return;
    auto event = EventView::from(std::move(message.payload));
    if (!event || !rides_on(event->event(), lane)) return;
    if (mode == Mode::kFilling) return wait(*std::move(event));
    take_live(*event);
  }

  void on_head(const bus::Message& message) {
    flatbuffers::Verifier verifier(message.payload.data(), message.payload.size());
    if (message.payload.empty() || !verifier.VerifyBuffer<wire::Head>(nullptr)) return;
    Revision head(flatbuffers::GetRoot<wire::Head>(message.payload.data())->revision());
    known_head = std::max(known_head, head);
    if (mode != Mode::kLive) return;
    if (known_head > position) {
      ++stats.gaps;
      fill();
    } else if (head < position) {
      look_back();
    } else {
      current();
    }
  }

  void on_state(bus::BusState state) {
    // The first call only tells what was so before this feed began.
    if (!std::exchange(knows_state, true)) return;
    if (state == bus::BusState::kDisconnected || mode == Mode::kExpired) return;
    if (mode == Mode::kFilling) {
      ask_again = true;
    } else {
      fill();
    }
  }

  void on_head_timeout() {
    if (mode == Mode::kLive) fill();
  }

  void on_answer(uint64_t asked, const Result<Answer>& answer) {
    if (asked != episode) return;
    if (!answer) return failed(answer.error());
    const wire::Outcome& outcome = answer->outcome();
    if (auto ok = status_of(outcome); !ok) return failed(ok.error());
    // A store that knows less than it told before has lost its past: only a new list helps.
    if (outcome.revision() && Revision(outcome.revision()) < position) return expire();
    Revision before = position;
    if (!take_filled(outcome, answer->payload(), asked)) return;
    Revision head(outcome.head());
    if (position < head) {
      if (position == before) return failed(Error(Code::kInternal, "no events up to the head"));
      attempts = 0;
      return ask();
    }
    complete(std::max(Revision(outcome.revision()), head));
  }

  // ---- what they do ----

  void fill() {
    mode = Mode::kFilling;
    attempts = 0;
    ++episode;
    ask();
  }

  void ask() {
    ask_again = false;
    retry.reset();
    std::weak_ptr<bool> weak = alive;
    client.call(events_after_request(lane, position),
                [this, weak, asked = episode](Result<Answer> answer) {
                  if (!weak.expired()) on_answer(asked, answer);
                });
  }

  // A head is behind: only the store knows whether it is old or the past was set back. Nothing
  // waits for the answer.
  void look_back() {
    if (std::exchange(looking_back, true)) return;
    std::weak_ptr<bool> weak = alive;
    client.call(events_after_request(lane, position),
                [this, weak, asked = episode, at = position](const Result<Answer>& answer) {
                  if (!weak.expired()) on_look_back(asked, at, answer);
                });
  }

  void on_look_back(uint64_t asked, Revision at, const Result<Answer>& answer) {
    looking_back = false;
    if (asked != episode || !answer) return;
    if (Status s = status_of(answer->outcome()); !s) {
      if (s.error().code == Code::kExpired) expire();
      return;
    }
    Revision now(answer->outcome().revision());
    if (now && now < at) expire();
  }

  void failed(const Error& error) {
    if (error.code == Code::kExpired) return expire();
    bool expected = error.code == Code::kTimeout || error.code == Code::kUnavailable;
    if (!expected) {
      ports.log.warn("feed of " + lane.str() + ": " + error.message + "; asking again");
    }
    bus::Duration delay = kFirstBackoff * (1 << std::min(attempts++, kBackoffDoublings));
    if (error.retry_after_seconds) {
      delay = std::max<bus::Duration>(delay, seconds(*error.retry_after_seconds));
    }
    delay += bus::Duration(ports.random.below(static_cast<uint64_t>(delay.count())));
    retry = ports.clock.after(delay, [this] { ask(); });
  }

  void expire() {
    stop();
    mode = Mode::kExpired;
    ++stats.expired;
    on_expired();
  }

  void stop() {
    ++episode;
    waiting.clear();
    waiting_bytes = 0;
    known_head = {};
    ask_again = false;
    retry.reset();
    head_timer.reset();
  }

  // False: this feed is gone, was restarted, or the page was not what was asked for.
  bool take_filled(const wire::Outcome& outcome, const Payload& payload, uint64_t asked) {
    if (!outcome.events()) return true;
    std::weak_ptr<bool> weak = alive;
    for (const wire::Bytes* bytes : *outcome.events()) {
      auto event =
          bytes->bytes()
              ? EventView::from(payload.part({bytes->bytes()->data(), bytes->bytes()->size()}))
              : std::nullopt;
      if (!event || !rides_on(event->event(), lane) || event->previous(lane) > position) {
        failed(Error(Code::kInternal, "the answer is no run of events"));
        return false;
      }
      if (event->revision() <= position) continue;
      ++stats.filled;
      deliver(*event);
      if (weak.expired() || asked != episode) return false;
    }
    return true;
  }

  // Everything up to `upto` is delivered; then what waited.
  void complete(Revision upto) {
    position = std::max(position, upto);
    mode = Mode::kLive;
    attempts = 0;
    std::weak_ptr<bool> weak = alive;
    uint64_t was = episode;
    auto held = std::move(waiting);
    waiting.clear();
    waiting_bytes = 0;
    for (const EventView& event : held) {
      if (mode == Mode::kFilling) {
        wait(event);
        continue;
      }
      take_live(event);
      if (weak.expired() || mode == Mode::kExpired || (mode == Mode::kLive && was != episode)) {
        return;
      }
      was = episode;
    }
    if (mode != Mode::kLive) return;
    if (ask_again || known_head > position) return fill();
    arm_head_timer();
    current();
  }

  void take_live(const EventView& event) {
    if (event.revision() <= position) {
      ++stats.duplicates;
    } else if (event.previous(lane) > position) {
      ++stats.gaps;
      wait(event);
      fill();
    } else {
      deliver(event);
    }
  }

  // Beyond the bounds it is dropped; the hole is noticed like any other.
  void wait(EventView event) {
    known_head = std::max(known_head, event.revision());
    if (waiting.size() >= kWaitingMost || waiting_bytes >= kWaitingBytesMost) return;
    waiting_bytes += event.payload().size();
    waiting.push_back(std::move(event));
  }

  void deliver(const EventView& event) {
    position = event.revision();
    ++stats.delivered;
    on_event(event);
  }

  void current() {
    if (on_current) on_current(position);
  }

  void arm_head_timer() {
    auto spread = static_cast<uint64_t>(kHeadEvery.count());
    head_timer = ports.clock.after(kHeadEvery + bus::Duration(ports.random.below(spread)),
                                   [this] { on_head_timeout(); });
  }

  bus::Ports ports;
  Client& client;
  bus::LaneId lane;
  Revision position, known_head;
  Mode mode = Mode::kFilling;
  uint64_t episode = 0;  // answers to questions of an earlier one are void
  int attempts = 0;
  bool knows_state = false, ask_again = false, looking_back = false;
  std::deque<EventView> waiting;
  size_t waiting_bytes = 0;
  FeedStats stats;
  OnEvent on_event;
  OnExpired on_expired;
  OnCurrent on_current;
  std::unique_ptr<bus::Timer> retry, head_timer;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  std::unique_ptr<bus::Subscription> events, heads, states;
};

Feed::Feed(bus::Ports ports, Client& client, bus::LaneId lane, Revision after, OnEvent on_event,
           OnExpired on_expired, OnCurrent on_current)
    : impl_(std::make_unique<Impl>(ports, client, std::move(lane), after, std::move(on_event),
                                   std::move(on_expired), std::move(on_current))) {
  impl_->start();
}
Feed::~Feed() = default;

void Feed::restart(Revision after) {
  impl_->stop();
  impl_->position = after;
  impl_->fill();
}

Revision Feed::position() const {
  return impl_->position;
}
const FeedStats& Feed::stats() const {
  return impl_->stats;
}

}  // namespace kubus::kit
