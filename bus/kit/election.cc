#include "bus/kit/election.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "bus/kit/feed.h"
#include "bus/kit/work_queue.h"
#include "schemas/bus/event_generated.h"
#include "schemas/coordination/v1/coordination_generated.h"
#include "schemas/lib/base/check.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::kit {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr bus::Duration kFirstBackoff = milliseconds(200);
constexpr bus::Duration kMostBackoff = seconds(5);

struct Seen {
  std::string holder;
  uint64_t epoch = 0;
  bus::Duration ttl{};
  Revision revision;
};

Seen read_lease(const Object& object) {
  Seen seen;
  seen.revision = object.revision();
  const auto* spec = object.as<coordination::v1::Lease>()->spec();
  if (!spec) return seen;
  if (spec->holder_identity()) seen.holder = spec->holder_identity()->str();
  seen.epoch = static_cast<uint64_t>(std::max(0, spec->lease_transitions().value_or(0)));
  seen.ttl = seconds(spec->lease_duration_seconds().value_or(0));
  return seen;
}

}  // namespace

// Candidate: follows the Lease; takes it when nobody holds it, or its holder was silent for its ttl
// while this candidate listened. Leader: renews; gives up when it could not for a ttl.
struct Election::Impl {
  Impl(bus::Ports p, Client& c, ElectionOptions o, std::function<void(const Fence&)> elected,
       std::function<void()> lost)
      : ports(p),
        client(c),
        options(std::move(o)),
        on_elected(std::move(elected)),
        on_lost(std::move(lost)) {
    const auto* kind = schema::Registry::get().by_resource("coordination.k8s.io", "leases");
    KUBUS_CHECK(kind);
    key = {kind, "kube-system", options.lease};
    states = ports.bus.watch_state([this](bus::BusState s) { on_state(s); });
    look();
  }

  // ---- ways in ----

  void on_look(const Result<Object>& found) {
    if (!found && found.error().code == Code::kNotFound) return create();
    if (!found) return later([this] { look(); });
    failures = 0;
    seen = read_lease(*found);
    follow(seen.revision);
    consider();
  }

  void on_event(const EventView& event) {
    if (event->type() == wire::EventType::Deleted) {
      if (leading && !lose()) return;
      return later([this] { look(); });
    }
    auto object = event.object();
    if (!object || object->revision() <= seen.revision) return;
    seen = read_lease(*object);
    if (leading && (seen.holder != options.identity || seen.epoch != epoch) && !lose()) return;
    if (!leading) consider();
  }

  void on_state(bus::BusState state) {
    // While it could not hear, silence meant nothing.
    if (state != bus::BusState::kDisconnected && !leading && feed) consider();
  }

  void on_silence_timeout() {
    if (!leading) take();
  }

  void on_taken(uint64_t taken_epoch, bus::Instant asked, const Result<Object>& lease) {
    asking = false;
    if (!lease && lease.error().code != Code::kConflict) {
      ports.log.warn("election of " + options.lease + ": " + lease.error().message);
    }
    if (!lease || !*lease) return later([this] { look(); });
    failures = 0;
    Seen now = read_lease(*lease);
    if (now.holder != options.identity || now.epoch != taken_epoch) {
      return later([this] { look(); });
    }
    if (now.revision > seen.revision) seen = now;
    epoch = taken_epoch;
    leading = true;
    renewed = asked;
    follow(now.revision);
    arm_renewal();
    ports.log.info("leads " + options.lease + ", epoch " + std::to_string(epoch));
    on_elected(Fence{options.lease, epoch});
  }

  void on_renewal_timeout() {
    if (!leading) return;
    if (ports.clock.now() - renewed >= options.ttl) {
      if (lose()) look();
      return;
    }
    arm_renewal();
    if (!asking) renew();
  }

  void on_renewed(uint64_t of_epoch, bus::Instant asked, const Result<Object>& lease) {
    asking = false;
    if (!leading) return consider();
    if (epoch != of_epoch) return;
    if (lease) {
      renewed = asked;
    } else if (lease.error().code == Code::kConflict || lease.error().code == Code::kNotFound) {
      if (lose()) look();
    }
  }

  // ---- what they do ----

  void look() {
    silence.reset();
    std::weak_ptr<bool> weak = alive;
    client.get(key, [this, weak](Result<Object> found) {
      if (!weak.expired() && !leading) on_look(found);
    });
  }

  void follow(Revision after) {
    if (feed) return;
    feed = std::make_unique<Feed>(
        ports, client, bus::LaneId{key.kind->group, key.kind->resource, key.ns, key.name, ""},
        after, [this](const EventView& e) { on_event(e); },
        [this] { feed->restart(seen.revision), look(); });
  }

  void consider() {
    silence.reset();
    // Its own name may be another process's by now; its own epoch cannot.
    bool ours = seen.holder == options.identity && (epoch == 0 || seen.epoch == epoch);
    if (seen.holder.empty() || ours) return take();
    bus::Duration ttl = std::max<bus::Duration>(seen.ttl, options.renew);
    auto spread = static_cast<uint64_t>(options.renew.count()) / 4 + 1;
    silence = ports.clock.after(ttl + bus::Duration(ports.random.below(spread)),
                                [this] { on_silence_timeout(); });
  }

  json::object spec(uint64_t transitions) const {
    std::string now = codec::format_micro_time(ports.clock.wall_ns() / 1000);
    return {{"holderIdentity", options.identity},
            {"leaseDurationSeconds", std::max<int64_t>(1, options.ttl / seconds(1))},
            {"acquireTime", now},
            {"renewTime", now},
            {"leaseTransitions", static_cast<int64_t>(transitions)}};
  }

  void create() {
    if (std::exchange(asking, true)) return;
    json::object lease{{"metadata", {{"name", key.name}, {"namespace", key.ns}}},
                       {"spec", spec(1)}};
    std::weak_ptr<bool> weak = alive;
    client.create(*key.kind, key.ns, lease, {},
                  [this, weak, asked = ports.clock.now()](Result<Object> made) {
                    if (!weak.expired()) on_taken(1, asked, made);
                  });
  }

  void take() {
    if (std::exchange(asking, true)) return;
    WriteOptions write;
    write.revision = seen.revision;
    uint64_t next = seen.epoch + 1;
    std::weak_ptr<bool> weak = alive;
    client.merge_patch(key, json::serialize(json::object{{"spec", spec(next)}}), write,
                       [this, weak, next, asked = ports.clock.now()](Result<Object> lease) {
                         if (!weak.expired()) on_taken(next, asked, lease);
                       });
  }

  // Fenced by itself: the store refuses it once another leads.
  void renew() {
    asking = true;
    WriteOptions write;
    write.fence = Fence{options.lease, epoch};
    write.return_object = false;
    json::object patch{
        {"spec", {{"renewTime", codec::format_micro_time(ports.clock.wall_ns() / 1000)}}}};
    std::weak_ptr<bool> weak = alive;
    client.merge_patch(key, json::serialize(patch), write,
                       [this, weak, of = epoch, asked = ports.clock.now()](Result<Object> lease) {
                         if (!weak.expired()) on_renewed(of, asked, lease);
                       });
  }

  void arm_renewal() {
    bus::Duration left = options.ttl - (ports.clock.now() - renewed);
    renewal = ports.clock.after(std::clamp(left, bus::Duration(0), options.renew),
                                [this] { on_renewal_timeout(); });
  }

  // False: this candidate is gone.
  bool lose() {
    std::weak_ptr<bool> weak = alive;
    leading = false;
    renewal.reset();
    ports.log.warn("no longer leads " + options.lease);
    on_lost();
    return !weak.expired();
  }

  void later(std::function<void()> f) {
    retry = ports.clock.after(backoff(ports.random, kFirstBackoff, kMostBackoff, ++failures),
                              std::move(f));
  }

  void give_up() {
    if (!leading) return;
    WriteOptions write;
    write.fence = Fence{options.lease, epoch};
    write.return_object = false;
    client.merge_patch(key, R"({"spec":{"holderIdentity":""}})", write, [](Result<Object>) {});
  }

  bus::Ports ports;
  Client& client;
  ElectionOptions options;
  std::function<void(const Fence&)> on_elected;
  std::function<void()> on_lost;
  ObjectKey key;
  Seen seen;
  bool leading = false, asking = false;
  uint64_t epoch = 0;
  int failures = 0;
  bus::Instant renewed;
  std::unique_ptr<Feed> feed;
  std::unique_ptr<bus::Timer> retry, silence, renewal;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  std::unique_ptr<bus::Subscription> states;
};

Election::Election(bus::Ports ports, Client& client, ElectionOptions options,
                   std::function<void(const Fence&)> on_elected, std::function<void()> on_lost)
    : impl_(std::make_unique<Impl>(ports, client, std::move(options), std::move(on_elected),
                                   std::move(on_lost))) {}

Election::~Election() {
  impl_->give_up();
}

bool Election::leader() const {
  return impl_->leading;
}

}  // namespace kubus::kit
