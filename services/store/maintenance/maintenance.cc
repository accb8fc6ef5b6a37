#include "services/store/maintenance/maintenance.h"

#include "services/store/maintenance/own_requests.h"

namespace kubus::store {
namespace {

constexpr bus::Duration kEvery = std::chrono::seconds(5),
                        kWhenBehind = std::chrono::milliseconds(50);
constexpr size_t kAtOnce = 256;

}  // namespace

Maintenance::Maintenance(bus::Ports ports, State& state, Intake& intake, MaintenanceOptions options)
    : ports_(ports), state_(state), intake_(intake), options_(options) {}

void Maintenance::start() {
  timer_ = ports_.clock.after(kEvery, [this] { tick(); });
}

void Maintenance::tick() {
  static const schema::KindInfo& kEvents = *schema::Registry::get().by_resource("", "events");
  int64_t before = ports_.clock.wall_ns() - options_.event_ttl.count();
  std::vector<View::Name> names = state_.oldest(kEvents, before, options_.most_events, kAtOnce);
  if (!names.empty()) {
    removed_ += names.size();
    intake_.push_own(remove_events(names, ports_.random.uuid()));
  }
  bus::Duration next = names.size() == kAtOnce ? kWhenBehind : kEvery;
  timer_ = ports_.clock.after(next, [this] { tick(); });
}

}  // namespace kubus::store
