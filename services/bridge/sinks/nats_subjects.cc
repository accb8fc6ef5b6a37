#include "services/bridge/sinks/nats_subjects.h"

namespace kubus::bridge {
namespace {

constexpr size_t kMostItems = 256;
constexpr bus::Duration kMarkerWithin = std::chrono::seconds(5);

}  // namespace

NatsSubjects::NatsSubjects(bus::Ports ports, const bus::Subjects& subjects, NatsOptions options)
    : ports_(ports),
      subjects_(subjects),
      options_(std::move(options)),
      life_(ports.random.suffix(12)) {
  bus::Subject marker = subjects_.cloudevent_marker(options_.root, options_.route);
  markers_ = ports_.bus.subscribe(bus::Pattern::given(marker.str()),
                                  [this](bus::Message m) { on_marker(m); });
}

size_t NatsSubjects::most_items() const {
  return kMostItems;
}

size_t NatsSubjects::most_event_bytes() const {
  return ports_.bus.max_payload();
}

std::string NatsSubjects::target() const {
  return "NATS " + (options_.root.empty() ? subjects_.cloudevents().str() : options_.root + ".>");
}

void NatsSubjects::deliver(Items items, Done done) {
  done_ = std::move(done);
  sent_ = items.size();
  ++deliveries_;
  if (send(items)) {
    timer_ = ports_.clock.after(kMarkerWithin, [this] { on_timeout(); });
  } else {
    Error refused(Code::kUnavailable, "the bus takes nothing");
    timer_ = ports_.clock.after({}, [this, refused] { end({.taken = 0, .problem = refused}); });
  }
}

bool NatsSubjects::send(const Items& items) {
  for (const auto& item : items) {
    const bus::LaneId& o = item->object;
    bus::Subject subject =
        o.resource.empty() ? subjects_.cloudevent_lost(options_.root, options_.route)
                           : subjects_.cloudevent(options_.root, o.group, o.resource, o.ns, o.name);
    if (!ports_.bus.publish(subject, as_bytes(item->text))) return false;
  }
  std::string marker = life_ + " " + std::to_string(deliveries_);
  return ports_.bus.publish(subjects_.cloudevent_marker(options_.root, options_.route),
                            as_bytes(marker));
}

void NatsSubjects::on_marker(const bus::Message& message) {
  bool ours = as_text(message.payload.view()) == life_ + " " + std::to_string(deliveries_);
  if (ours) end({.taken = sent_});
}

void NatsSubjects::on_timeout() {
  Error silent(Code::kTimeout,
               "what was published did not come round within 5 s (may this user publish and "
               "subscribe there?)");
  end({.taken = 0, .problem = silent});
}

void NatsSubjects::end(Delivery delivery) {
  timer_.reset();
  if (auto done = std::exchange(done_, nullptr)) done(std::move(delivery));
}

}  // namespace kubus::bridge
