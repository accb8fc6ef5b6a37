#include "services/store/replay/replayer.h"

#include "schemas/bus/event_generated.h"
#include "services/store/executor/publish.h"
#include "services/store/executor/words.h"
#include "services/store/heads/heads.h"
#include "services/store/replay/read_only.h"
#include "services/store/replay/state_source.h"

namespace kubus::store {
namespace {

constexpr bus::Duration kHeadsEvery = std::chrono::seconds(1);

Published published_of(const kit::EventView& event, const State& state) {
  Published p;
  p.revision = event.revision();
  p.type = static_cast<ChangeType>(event->type());
  p.kind = schema::Registry::get().by_resource(text_of(event->group()), text_of(event->resource()));
  p.ns = text_of(event->namespace_());
  p.name = text_of(event->name());
  p.node = text_of(event->node());
  p.event = event.payload();
  p.notices = state.notices_of(p.revision);
  return p;
}

}  // namespace

Result<std::unique_ptr<Replayer>> Replayer::open(bus::Ports ports, ReplayerOptions options,
                                                 std::unique_ptr<State> state, OnEnd on_end) {
  auto allocator = ClusterAllocator::make(Ranges(), ports.random);
  if (!allocator) return allocator.error();
  replay::PlayerOptions& play = options.play;
  // Nobody can stand before the first change: there is nothing to be read.
  play.to = std::max(play.to, Revision(1));
  play.from = options.standing ? play.to : std::clamp(play.from, Revision(1), play.to);
  for (Revision end : {play.to, play.from}) {
    if (Status s = state->stand_at(end); !s) return s.error();
  }
  std::unique_ptr<Replayer> out(new Replayer(ports, std::move(options), std::move(state),
                                             *std::move(allocator), std::move(on_end)));
  out->serve();
  return out;
}

Replayer::Replayer(bus::Ports ports, ReplayerOptions options, std::unique_ptr<State> state,
                   std::unique_ptr<ClusterAllocator> allocator, OnEnd on_end)
    : ports_(ports),
      options_(std::move(options)),
      subjects_(bus::Subjects::replay(options_.name)),
      on_end_(std::move(on_end)),
      state_(std::move(state)),
      authorizer_(read_only(fixed_roles())),
      allocator_(std::move(allocator)),
      replier_(ports.bus, ports.log) {
  intake_ = std::make_unique<Intake>(
      ports_, subjects_, replier_, options_.queues,
      [this](std::string_view actor) { return authorizer_->may_impersonate(actor); },
      [this] { executor_->wake(); });
  Environment env{ports_, *state_, *authorizer_, *allocator_, "", nullptr};
  executor_ = std::make_unique<Executor>(std::move(env), subjects_, intake_->queues(), replier_,
                                         options_.executor);
  source_ = std::make_unique<StateSource>(*state_);
}

Replayer::~Replayer() = default;

void Replayer::serve() {
  intake_->listen();
  player_ = std::make_unique<replay::Player>(
      ports_.clock, *source_, options_.play,
      [this](const kit::EventView& event) { return publish(event); },
      [this](Revision position) { on_seek(position); },
      [this](Status status) { on_end(std::move(status)); });
  control_ =
      std::make_unique<replay::Control>(ports_, options_.home, options_.name, *player_, *source_);
  if (!options_.standing) on_heads_timeout();
}

// Readers stand at the event before anybody hears of it.
bool Replayer::publish(const kit::EventView& event) {
  if (!ports_.bus.connected()) return false;
  Published change = published_of(event, *state_);
  if (Status s = state_->stand_at(change.revision); !s) return false;
  executor_->wake();
  if (change.kind == nullptr) return true;  // of a kind that is known no more: nobody follows it
  touch(change);
  return publish_change(ports_.bus, subjects_, change).refused == 0;
}

// Followers that know more than there is now find out by the heads, and begin again.
void Replayer::on_seek(Revision position) {
  if (Status s = state_->stand_at(std::max(position, Revision(1))); !s)
    ports_.log.error(s.error().message);
  executor_->wake();
  moved_.clear();
  View view = state_->committed();
  publish_head(ports_.bus, subjects_, Lane(), view.revision());
  for (const Lane& lane : state_->all_lanes()) {
    if (lane.kind == nullptr && lane.node.empty()) continue;
    publish_head(ports_.bus, subjects_, lane, view.head(lane));
  }
}

void Replayer::on_end(Status status) {
  if (status) {
    (void)state_->stand_at(options_.play.to);
    executor_->wake();
  }
  if (!options_.standing) tell_heads();
  if (on_end_) on_end_(std::move(status));
}

// ---- heads ----

void Replayer::touch(const Published& change) {
  auto moved = [&](Lane lane) {
    std::string key = (lane.kind != nullptr ? lane.kind->qualified_resource() : "") + "\n" +
                      lane.ns + "\n" + lane.node;
    moved_[key] = {std::move(lane), change.revision};
  };
  moved(Lane());
  moved(Lane{change.kind, "", "", ""});
  if (!change.ns.empty()) moved(Lane{change.kind, std::string(change.ns), "", ""});
  if (!change.node.empty()) moved(Lane{nullptr, "", "", std::string(change.node)});
  for (const Published::Notice& n : change.notices) moved(Lane{nullptr, "", "", n.node});
}

void Replayer::tell_heads() {
  for (const auto& [key, head] : moved_)
    publish_head(ports_.bus, subjects_, head.first, head.second);
  moved_.clear();
}

void Replayer::on_heads_timeout() {
  tell_heads();
  heads_timer_ = ports_.clock.after(kHeadsEvery, [this] { on_heads_timeout(); });
}

}  // namespace kubus::store
