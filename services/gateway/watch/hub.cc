#include "services/gateway/watch/hub.h"

#include <algorithm>

#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"

namespace kubus::gateway {
namespace {

constexpr size_t kRingBytes = 16 << 20;
constexpr size_t kRingEvents = 10'000;

wire::RequestT content_request(const schema::KindInfo& kind, const wire::Event& event) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Get;
  op->group = kind.group;
  op->resource = kind.resource;
  op->namespace_ = event.namespace_() ? event.namespace_()->str() : "";
  op->name = event.name()->str();
  // A deleted object's last content is that of the revision before.
  op->revision =
      event.type() == wire::EventType::Deleted ? event.previous_object() : event.revision();
  op->match = wire::ListMatch::Exact;
  request.operations.push_back(std::move(op));
  return request;
}

wire::RequestT head_request(const schema::KindInfo& kind) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::EventsAfter;
  op->group = kind.group;
  op->resource = kind.resource;
  op->lane = std::make_unique<wire::LaneT>();
  op->lane->group = kind.group;
  op->lane->resource = kind.resource;
  op->after = UINT64_MAX;
  request.operations.push_back(std::move(op));
  return request;
}

Object object_in(const kit::Answer& answer, const schema::KindInfo& kind) {
  const auto* bytes = answer.outcome().object();
  if (!bytes) return {};
  auto object = Object::from(kind, answer.payload().part({bytes->data(), bytes->size()}));
  return object ? *object : Object();
}

}  // namespace

std::shared_ptr<const std::string> SharedEvent::frame(std::string_view type, const Format& format,
                                                      int64_t now) {
  auto key = std::make_pair(std::string(type), format);
  auto found = frames_.find(key);
  if (found != frames_.end()) return found->second;
  std::string text = "{\"type\":\"" + key.first +
                     "\",\"object\":" + write_frame_object(object_, format, false, now) + "}\n";
  auto frame = std::make_shared<const std::string>(std::move(text));
  frames_.emplace(std::move(key), frame);
  return frame;
}

Channel::Channel(bus::Ports ports, kit::Client& client, const schema::KindInfo& kind,
                 Revision after)
    : client_(client), kind_(kind), base_(after), position_(after) {
  bus::LaneId lane{kind.group, kind.resource, "", "", ""};
  feed_ = std::make_unique<kit::Feed>(
      ports, client, lane, after, [this](const kit::EventView& e) { on_event(e); },
      [this] { on_expired(); });
}

// What the ring holds no longer reaches the present: it starts afresh at the lane's head. Watchers
// from before find by their own catching up that their past is gone.
void Channel::on_expired() {
  std::weak_ptr<bool> alive = alive_;
  client_.call(head_request(kind_), [this, alive](Result<kit::Answer> answer) {
    if (alive.expired()) return;
    if (!answer) return on_expired();
    ++restarts_;
    ring_.clear();
    ring_bytes_ = 0;
    waiting_.clear();
    base_ = position_ = Revision(answer->outcome().head());
    feed_->restart(base_);
    tell();
  });
}

std::shared_ptr<SharedEvent> Channel::next(Revision revision) const {
  auto after =
      std::upper_bound(ring_.begin(), ring_.end(), revision,
                       [](Revision r, const auto& e) { return r < e->event().revision(); });
  return after == ring_.end() ? nullptr : *after;
}

std::shared_ptr<void> Channel::listen(Listener listener) {
  auto entry = std::make_shared<Listener>(std::move(listener));
  listeners_.insert(entry);
  std::weak_ptr<bool> alive = alive_;
  return std::shared_ptr<void>(nullptr, [this, alive, entry](void*) {
    if (!alive.expired()) listeners_.erase(entry);
  });
}

void Channel::on_event(const kit::EventView& event) {
  if (!kind_.confidential) {
    auto object = event.object();
    return append(event, object ? *object : Object());
  }
  waiting_.push_back(event);
  if (waiting_.size() == 1) fetch_next_confidential();
}

void Channel::fetch_next_confidential() {
  std::weak_ptr<bool> alive = alive_;
  client_.call(content_request(kind_, waiting_.front().event()),
               [this, alive](Result<kit::Answer> answer) {
                 if (alive.expired() || waiting_.empty()) return;
                 kit::EventView event = waiting_.front();
                 waiting_.pop_front();
                 append(event, answer ? object_in(*answer, kind_) : Object());
                 if (!waiting_.empty()) fetch_next_confidential();
               });
}

void Channel::append(const kit::EventView& event, Object object) {
  position_ = event.revision();
  if (object) {
    ring_bytes_ += event.payload().size();
    ring_.push_back(std::make_shared<SharedEvent>(event, std::move(object)));
  }
  while (ring_.size() > kRingEvents || ring_bytes_ > kRingBytes) {
    base_ = ring_.front()->event().revision();
    ring_bytes_ -= ring_.front()->event().payload().size();
    ring_.pop_front();
  }
  tell();
}

void Channel::tell() {
  auto listeners = listeners_;  // a listener may end itself or another
  for (const auto& l : listeners) {
    if (listeners_.count(l)) (*l)();
  }
}

Channel& Hub::channel(const schema::KindInfo& kind, Revision after) {
  auto& slot = channels_[&kind];
  if (!slot) slot = std::make_unique<Channel>(ports_, client_, kind, after);
  return *slot;
}

void Hub::drop(const void* watcher) {
  auto found = std::find_if(kept_.begin(), kept_.end(),
                            [watcher](const auto& kept) { return kept.get() == watcher; });
  if (found == kept_.end()) return;
  dropped_.push_back(std::move(*found));
  kept_.erase(found);
  drop_timer_ = ports_.clock.after({}, [this] { dropped_.clear(); });
}

}  // namespace kubus::gateway
