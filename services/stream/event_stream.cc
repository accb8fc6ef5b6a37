#include "services/stream/event_stream.h"

#include <algorithm>
#include <limits>

#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"

namespace kubus::stream {
namespace {

constexpr size_t kMostInFlight = 512;
// Of events that wait: beyond it the feed ends until half of them are stored.
constexpr size_t kMostWaiting = 4096;
constexpr auto kFirstBackoff = std::chrono::milliseconds(100);
constexpr auto kMostBackoff = std::chrono::seconds(10);
constexpr auto kCheckEvery = std::chrono::seconds(10);

std::string_view text_of(const flatbuffers::String* s) {
  return s == nullptr ? std::string_view() : std::string_view(s->c_str(), s->size());
}

}  // namespace

struct EventStream::Attempt {
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  std::unique_ptr<kit::Feed> feed;
  std::deque<kit::EventView> waiting;
  uint64_t heard = 0;   // the last revision that came
  uint64_t sent = 0;    // the last one sent
  uint64_t stored = 0;  // the last one acknowledged
  std::unique_ptr<bus::Timer> check, pause;
};

EventStream::EventStream(bus::Ports ports, kit::ClientOptions client, bus::EventLog& log)
    : ports_(ports),
      client_(ports, client),
      log_(log),
      subjects_(client.cluster),
      backoff_(kFirstBackoff) {
  state_ = log_.watch_state([this](bus::BusState s) { on_state(s); });
}

EventStream::~EventStream() = default;

// Wraps a callback so that it is nothing once this attempt is over.
template <class F>
auto EventStream::mine(F f) {
  return [weak = std::weak_ptr<bool>(attempt_->alive), f = std::move(f)](auto&&... args) {
    if (!weak.expired()) f(std::forward<decltype(args)>(args)...);
  };
}

Revision EventStream::position() const {
  return Revision(attempt_ ? attempt_->stored : 0);
}

void EventStream::on_state(bus::BusState state) {
  if (state == bus::BusState::kLossy)
    return;  // lost answers are waited for in vain, and asked again
  up_ = state == bus::BusState::kConnected;
  retry_.reset();
  attempt_.reset();
  if (up_) retry_ = ports_.clock.after({}, [this] { begin(); });
}

void EventStream::begin() {
  retry_.reset();
  ++stats_.looked;
  attempt_ = std::make_unique<Attempt>();
  log_.open(mine([this](Result<bus::LogPlace> place) { on_open(std::move(place)); }));
}

// Never from within the feed's own callback: it ends here.
void EventStream::again(const std::string& why) {
  if (why != last_problem_) ports_.log.warn("the stream of events: " + why);
  last_problem_ = why;
  attempt_.reset();
  if (!up_) return;
  retry_ = ports_.clock.after(backoff_, [this] { begin(); });
  backoff_ = std::min<bus::Duration>(backoff_ * 2, kMostBackoff);
}

void EventStream::on_open(Result<bus::LogPlace> place) {
  if (!place) return again(place.error().message);
  if (!place->whole) {
    ports_.log.warn("the stream of events has a hole; it is made anew from the history");
    return renew();
  }
  if (place->first > place->last || place->message.size() == 0) return renew();
  compare(*std::move(place));
}

// Whether the stream's last event is the one that the history has at that revision: after a restore
// it may not be.
void EventStream::compare(bus::LogPlace place) {
  auto stored = kit::EventView::from(place.message);
  if (!stored || stored->revision().value() != place.last) return renew();
  client_.call(
      kit::events_after_request({}, Revision(place.last - 1)),
      mine([this, last = place.last, time = (*stored)->time()](Result<kit::Answer> answer) {
        Status failed = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
        if (!failed && failed.error().code != Code::kExpired) return again(failed.error().message);
        const auto* events = failed ? answer->outcome().events() : nullptr;
        if (events == nullptr || events->size() == 0 || events->Get(0)->bytes() == nullptr)
          return renew();
        const auto* bytes = events->Get(0)->bytes();
        auto kept = kit::EventView::from(answer->payload().part({bytes->data(), bytes->size()}));
        if (!kept || kept->revision().value() != last || (*kept)->time() != time) return renew();
        follow(last);
      }));
}

void EventStream::renew() {
  ++stats_.renewed;
  probe(0, [this](bool kept, uint64_t head) {
    if (kept) return make_from(1);
    search(0, head);
  });
}

// Whether the history still has what came after that revision, and how far it has come.
void EventStream::probe(uint64_t after, std::function<void(bool kept, uint64_t head)> then) {
  client_.call(kit::events_after_request({}, Revision(after)),
               mine([this, after, then](Result<kit::Answer> answer) {
                 Status failed =
                     answer ? kit::status_of(answer->outcome()) : Status(answer.error());
                 if (failed) return then(true, answer->outcome().revision());
                 if (failed.error().code != Code::kExpired) return again(failed.error().message);
                 if (after != 0) return then(false, 0);
                 // What is beyond the present is an empty page, which tells the present.
                 probe(std::numeric_limits<uint64_t>::max(),
                       [then](bool, uint64_t head) { then(false, head); });
               }));
}

// The horizon by halves: what came after `gone` is compacted, what came after `kept` is not.
void EventStream::search(uint64_t gone, uint64_t kept) {
  if (kept - gone <= 1) return make_from(kept + 1);
  uint64_t middle = gone + (kept - gone) / 2;
  probe(middle,
        [=, this](bool there, uint64_t) { there ? search(gone, middle) : search(middle, kept); });
}

void EventStream::make_from(uint64_t first) {
  log_.renew(first, mine([this, first](Status done) {
               if (!done) return again(done.error().message);
               ports_.log.info("the stream of events is made from revision " +
                               std::to_string(first) + " on");
               follow(first - 1);
             }));
}

void EventStream::follow(uint64_t after) {
  Attempt& a = *attempt_;
  a.heard = a.sent = a.stored = after;
  a.feed = std::make_unique<kit::Feed>(
      ports_, client_, bus::LaneId(), Revision(after),
      [this](const kit::EventView& e) { on_event(e); },
      [this] {
        attempt_->pause =
            ports_.clock.after({}, [this] { again("the history that it lacks is compacted"); });
      });
  a.check = ports_.clock.after(kCheckEvery, [this] { on_check(); });
}

void EventStream::on_event(const kit::EventView& event) {
  Attempt& a = *attempt_;
  if (event.revision().value() != a.heard + 1) return;  // of a feed that is about to end
  a.heard = event.revision().value();
  a.waiting.push_back(event);
  if (a.waiting.size() >= kMostWaiting && !a.pause) {
    a.pause = ports_.clock.after({}, [this] { attempt_->feed.reset(); });
  }
  pump();
}

void EventStream::pump() {
  Attempt& a = *attempt_;
  while (!a.waiting.empty() && a.sent - a.stored < kMostInFlight) {
    const kit::EventView& event = a.waiting.front();
    uint64_t revision = event.revision().value();
    bus::Subject subject = subjects_.message(text_of(event->group()), text_of(event->resource()),
                                             text_of(event->namespace_()), text_of(event->name()));
    auto stored = mine([this, revision](Status s) { on_appended(revision, std::move(s)); });
    if (!log_.append(subject, event.payload().view(), a.sent, std::move(stored))) {
      // The connection is going; until it says so nothing is sent.
      if (!a.pause)
        a.pause = ports_.clock.after(kFirstBackoff, [this] { again("a message was refused"); });
      return;
    }
    a.sent = revision;
    a.waiting.pop_front();
  }
}

void EventStream::on_appended(uint64_t revision, Status status) {
  if (!status) return again(status.error().message);
  Attempt& a = *attempt_;
  a.stored = revision;
  ++stats_.appended;
  backoff_ = kFirstBackoff;
  last_problem_.clear();
  if (!a.feed && a.waiting.size() <= kMostWaiting / 2) {
    a.pause.reset();
    uint64_t stored = a.stored, sent = a.sent;
    follow(a.heard);
    a.stored = stored;
    a.sent = sent;
  }
  pump();
}

// Somebody may have deleted the stream while nothing happened.
void EventStream::on_check() {
  attempt_->check = ports_.clock.after(kCheckEvery, [this] { on_check(); });
  if (attempt_->sent != attempt_->stored) return;
  log_.look(mine([this](Result<bus::LogPlace> place) {
    if (!place) return again(place.error().message);
    bool behind = place->last < attempt_->stored;
    if (behind || !place->whole) again("it lacks messages");
  }));
}

}  // namespace kubus::stream
