#include "services/bridge/route.h"

#include <algorithm>

#include "bus/cloudevents/cloudevents.h"
#include "bus/kit/requests.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"

namespace kubus::bridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr bus::Duration kFirstRetry = milliseconds(200);
constexpr int kMostDoublings = 16;
constexpr bus::Duration kMostPatience = std::chrono::minutes(5);
constexpr bus::Duration kAskAgain = seconds(1);
constexpr bus::Duration kKeepIdle = seconds(5);
constexpr size_t kBatchBytes = 1 << 20;

std::string_view text(const flatbuffers::String* s) {
  return s ? std::string_view(s->data(), s->size()) : "";
}

bus::LaneId object_of(const wire::Event& e) {
  return {std::string(text(e.group())), std::string(text(e.resource())),
          std::string(text(e.namespace_())), std::string(text(e.name())), ""};
}

}  // namespace

Route::Route(bus::Ports ports, kit::Client& client, Positions& positions, RouteOptions options,
             std::unique_ptr<Sink> sink)
    : ports_(ports),
      client_(client),
      positions_(positions),
      options_(std::move(options)),
      lane_(options_.filter.lane()),
      sink_(std::move(sink)) {}

Status Route::start() {
  auto kept = positions_.read(options_.name);
  if (!kept) return kept.error();
  fresh_ = !*kept && !sink_->has();
  kept_ = kept->value_or(Revision());
  seen_ = std::max(kept_, sink_->has());
  if (!fresh_) {
    follow();
  } else if (options_.from == RouteOptions::From::kNow) {
    ask_present();
  } else {
    if (options_.from == RouteOptions::From::kRevision) seen_ = options_.revision;
    follow();
  }
  return {};
}

Revision Route::position() const {
  return queue_.empty() ? seen_ : delivered_;
}

// ---- what comes from the cluster ----

void Route::follow() {
  resume_.reset();
  paused_ = false;
  feed_ = std::make_unique<kit::Feed>(
      ports_, client_, lane_, seen_, [this](const kit::EventView& e) { on_event(e); },
      [this] { on_expired(); }, [this](Revision r) { on_current(r); });
}

void Route::on_event(const kit::EventView& event) {
  if (!options_.filter.matches(event)) {
    ++stats_.passed_over;
    seen_ = event.revision();
    return keep_later();
  }
  std::string encoded = cloudevents::encode(event, options_.source);
  if (encoded.size() > sink_->most_event_bytes())
    encoded = cloudevents::encode(event, options_.source, cloudevents::Content::kEnvelope);
  if (queue_.empty()) delivered_ = seen_;
  seen_ = event.revision();
  fresh_ = false;
  push(std::make_shared<const Item>(
      Item{event.revision(), object_of(event.event()), std::move(encoded)}));
  if (full()) {
    ++stats_.pauses;
    paused_ = true;
    feed_.reset();
  }
  pump();
}

void Route::on_current(Revision revision) {
  seen_ = std::max(seen_, revision);
  fresh_ = false;
  keep_later();
}

void Route::on_expired() {
  feed_.reset();
  ask_present();
}

// How far the cluster is, and how far back its past goes.
void Route::ask_present() {
  ask_again_.reset();
  std::weak_ptr<bool> alive = alive_;
  client_.call(kit::events_after_request(lane_, Revision(UINT64_MAX)),
               [this, alive](Result<kit::Answer> answer) {
                 if (alive.expired()) return;
                 Status s = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
                 if (s)
                   return on_present({Revision(answer->outcome().revision()),
                                      Revision(answer->outcome().oldest())});
                 ports_.log.warn("route " + options_.name + ": " + s.error().message);
                 ask_again_ = ports_.clock.after(kAskAgain, [this] { ask_present(); });
               });
}

void Route::on_present(const Present& present) {
  if (fresh_ && options_.from == RouteOptions::From::kNow) {
    seen_ = present.revision;
    fresh_ = false;
    keep_later();
    return follow();
  }
  if (present.revision < seen_) {
    lose(present.revision, "the history ends before that: the cluster was made anew or restored");
    seen_ = delivered_ = present.revision;
    return follow();
  }
  // As far back as there is something; if that was tried and is gone as well, the present.
  Revision until = present.oldest > seen_ ? present.oldest : present.revision;
  if (!fresh_) lose(until, "compacted");
  seen_ = until;
  follow();
}

void Route::lose(Revision until, const std::string& reason) {
  ++stats_.losses;
  ports_.log.error("route " + options_.name + ": what happened after revision " +
                   std::to_string(seen_.value()) + " cannot be had any more (" + reason +
                   "); going on after " + std::to_string(until.value()));
  cloudevents::Loss loss{seen_, until, ports_.clock.wall_ns(), options_.name, reason};
  if (queue_.empty()) delivered_ = seen_;
  push(std::make_shared<const Item>(Item{until, {}, cloudevents::encode(loss, options_.source)}));
  pump();
}

// ---- what goes to the target ----

void Route::push(std::shared_ptr<const Item> item) {
  queue_bytes_ += item->text.size();
  queue_.push_back(std::move(item));
}

bool Route::full() const {
  return queue_.size() >= options_.most_waiting || queue_bytes_ >= options_.most_waiting_bytes;
}

void Route::pump() {
  if (busy_ || retry_ || queue_.empty()) return;
  busy_ = true;
  Items items;
  size_t bytes = 0;
  for (const auto& item : queue_) {
    bytes += item->text.size();
    if (items.size() == sink_->most_items() || (!items.empty() && bytes > kBatchBytes)) break;
    items.push_back(item);
  }
  size_t offered = items.size();
  sink_->deliver(std::move(items),
                 [this, offered](const Delivery& delivery) { on_delivered(offered, delivery); });
}

void Route::on_delivered(size_t offered, const Delivery& delivery) {
  busy_ = false;
  for (size_t i = 0; i < std::min(delivery.taken, offered); ++i) {
    delivered_ = queue_.front()->revision;
    queue_bytes_ -= queue_.front()->text.size();
    queue_.pop_front();
    ++stats_.delivered;
  }
  if (delivery.taken > 0) keep();
  if (!delivery.problem) {
    fail(delivery);
  } else {
    attempts_ = 0;
    if (!trouble_.empty()) {
      auto away = (ports_.clock.now() - trouble_since_) / seconds(1);
      ports_.log.info("route " + options_.name + ": " + sink_->target() + " takes events again, " +
                      "after " + std::to_string(away) + " s");
      trouble_.clear();
    }
  }
  bool room =
      queue_.size() <= options_.most_waiting / 2 && queue_bytes_ <= options_.most_waiting_bytes / 2;
  if (paused_ && room && !resume_) resume_ = ports_.clock.after({}, [this] { follow(); });
  pump();
}

void Route::fail(const Delivery& delivery) {
  ++stats_.failures;
  const std::string& why = delivery.problem.error().message;
  if (trouble_.empty()) trouble_since_ = ports_.clock.now();
  if (trouble_ != why)
    ports_.log.warn("route " + options_.name + ": " + sink_->target() + ": " + why +
                    "; trying again, nothing is lost");
  trouble_ = why;
  if (delivery.taken > 0) attempts_ = 0;
  bus::Duration delay =
      std::min(kFirstRetry * (1 << std::min(attempts_++, kMostDoublings)), options_.slowest_retry);
  delay += bus::Duration(ports_.random.below(static_cast<uint64_t>(delay.count() / 4 + 1)));
  if (delivery.not_before) delay = std::max(delay, std::min(*delivery.not_before, kMostPatience));
  retry_ = ports_.clock.after(delay, [this] {
    retry_.reset();
    pump();
  });
}

// ---- the position ----

void Route::keep() {
  keep_timer_.reset();
  Revision now = position();
  keep_wanted_ = keeping_;
  if (keeping_ || now == kept_) return;
  keeping_ = true;
  std::weak_ptr<bool> alive = alive_;
  positions_.keep(options_.name, now, [this, alive, now](const Status& status) {
    if (!alive.expired()) on_kept(now, status);
  });
}

void Route::on_kept(Revision position, const Status& status) {
  keeping_ = false;
  if (status) {
    kept_ = position;
    keep_failed_ = false;
  } else if (!std::exchange(keep_failed_, true)) {
    ports_.log.error("route " + options_.name + ": its position is not kept, and events will be " +
                     "repeated after a restart: " + status.error().message);
  }
  if (status && keep_wanted_) return keep();
  if (this->position() != kept_) keep_later();
}

// While nothing is delivered there is no hurry: it only spares looking through the same again.
void Route::keep_later() {
  if (!keep_timer_ && !keeping_) keep_timer_ = ports_.clock.after(kKeepIdle, [this] { keep(); });
}

}  // namespace kubus::bridge
