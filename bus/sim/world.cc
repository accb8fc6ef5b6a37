#include "bus/sim/world.h"

#include <algorithm>

#include "bus/sim/loop.h"

namespace kubus::bus::sim {
namespace {

constexpr size_t kMaxPayload = (4 << 20) + (64 << 10);
constexpr int64_t kEpochNs = 1'700'000'000'000'000'000;

bool allowed(const std::vector<Pattern>& list, std::string_view subject) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Pattern& p) { return p.matches(subject); });
}

class Ending : public Subscription {
 public:
  explicit Ending(std::function<void()> end) : end_(std::move(end)) {}
  ~Ending() override { end_(); }

 private:
  std::function<void()> end_;
};

}  // namespace

struct World::Impl {
  explicit Impl(uint64_t seed) : random(seed) {}
  Duration latency() {
    auto least = faults.latency_least.count(), most = faults.latency_most.count();
    return Duration(least +
                    static_cast<int64_t>(random.below(static_cast<uint64_t>(most - least + 1))));
  }
  bool chance(unsigned per_thousand) {
    return per_thousand > 0 && random.below(1000) < per_thousand;
  }
  void note(const std::string& line) {
    if (tracing) trace += std::to_string(loop.now()) + " " + line + "\n";
  }

  Loop loop;
  SeededRandom random;
  Faults faults;
  std::vector<std::unique_ptr<Host>> hosts;
  int64_t wall_offset = kEpochNs;
  std::string trace;
  bool tracing = false;
};

// The ports of one host.
struct Host::Parts : Bus, Clock, Log, Workers {
  Parts(World& w, std::string n)
      : world(*w.impl_), name(std::move(n)), random(world.random.next()) {}

  struct Entry {
    Pattern pattern;
    std::shared_ptr<Handler> handler;
  };

  // Bus
  bool publish(const Subject& subject, ByteView payload, const Subject* reply) override;
  std::unique_ptr<Subscription> subscribe(const Pattern& pattern, Handler handler) override;
  std::unique_ptr<Subscription> watch_state(StateHandler handler) override;
  bool connected() const override { return up; }
  size_t max_payload() const override { return kMaxPayload; }
  void send_to(Parts& to, uint64_t subscription, const Message& message);
  void tell(BusState state);

  // Clock
  Instant now() const override { return {world.loop.now()}; }
  int64_t wall_ns() const override { return world.wall_offset + world.loop.now(); }
  std::unique_ptr<Timer> after(Duration delay, std::function<void()> f) override;

  // Log
  void write(Level level, std::string_view line) override {
    world.note(name + " logs " + std::string(line));
    if (level >= Level::kWarn) complaints.emplace_back(line);
  }

  // Workers
  void run(std::string_view lane, std::function<void()> job, std::function<void()> done) override;

  World::Impl& world;
  std::string name;
  SeededRandom random;
  bool up = true;
  Permissions permissions;
  std::map<uint64_t, Entry> entries;
  std::map<uint64_t, std::shared_ptr<StateHandler>> watchers;
  std::map<std::string, int64_t>
      arrivals;  // by receiver: the last arrival, which the next must not overtake
  std::map<std::string, int64_t, std::less<>> lanes;  // by lane: when its last job ends
  std::vector<std::string> complaints;
  uint64_t next_id = 1;
  std::shared_ptr<int> life = std::make_shared<int>(0);        // ends with the host
  std::shared_ptr<int> connection = std::make_shared<int>(0);  // ends with the connection
};

bool Host::Parts::publish(const Subject& subject, ByteView payload, const Subject* reply) {
  if (!up || payload.size() > kMaxPayload) return false;
  if (!permissions.publish.empty() && !allowed(permissions.publish, subject.str())) {
    write(Level::kWarn, "bus: not permitted to publish on " + subject.str());
    return true;  // as the real server: it swallows it and complains later
  }
  Message message{subject.str(), reply ? reply->str() : "", Payload::copy_of(payload)};
  for (auto& host : world.hosts) {
    Parts& to = *host->parts_;
    if (!to.up) continue;
    for (auto& [id, entry] : to.entries) {
      if (!entry.pattern.matches(subject.str())) continue;
      if (world.chance(world.faults.drop)) {
        world.note("drop " + name + " -> " + to.name + " " + subject.str());
        continue;
      }
      send_to(to, id, message);
      if (world.chance(world.faults.duplicate)) send_to(to, id, message);
    }
  }
  return true;
}

void Host::Parts::send_to(Parts& to, uint64_t subscription, const Message& message) {
  int64_t& last = arrivals[to.name];
  last = std::max(last, world.loop.now() + world.latency().count());
  std::weak_ptr<int> alive = to.connection;
  world.loop.schedule(Duration(last - world.loop.now()), Loop::Kind::kWork,
                      [alive, &to, subscription, message] {
                        if (alive.expired()) return;
                        auto found = to.entries.find(subscription);
                        if (found == to.entries.end()) return;
                        to.world.note("deliver " + to.name + " " + message.subject);
                        auto handler = found->second.handler;
                        (*handler)(message);
                      });
}

std::unique_ptr<Subscription> Host::Parts::subscribe(const Pattern& pattern, Handler handler) {
  bool may = permissions.subscribe.empty() ||
             std::any_of(permissions.subscribe.begin(), permissions.subscribe.end(),
                         [&](const Pattern& p) {
                           return p.str() == pattern.str() || p.matches(pattern.str());
                         });
  if (!may) write(Level::kWarn, "bus: not permitted to subscribe to " + pattern.str());
  uint64_t id = next_id++;
  if (may) entries.emplace(id, Entry{pattern, std::make_shared<Handler>(std::move(handler))});
  return std::make_unique<Ending>([this, alive = std::weak_ptr<int>(life), id] {
    if (!alive.expired()) entries.erase(id);
  });
}

std::unique_ptr<Subscription> Host::Parts::watch_state(StateHandler handler) {
  uint64_t id = next_id++;
  auto shared = std::make_shared<StateHandler>(std::move(handler));
  watchers.emplace(id, shared);
  (*shared)(up ? BusState::kConnected : BusState::kDisconnected);
  return std::make_unique<Ending>([this, alive = std::weak_ptr<int>(life), id] {
    if (!alive.expired()) watchers.erase(id);
  });
}

void Host::Parts::tell(BusState state) {
  auto copy = watchers;
  for (auto& [id, handler] : copy) {
    if (watchers.count(id)) (*handler)(state);
  }
}

std::unique_ptr<Timer> Host::Parts::after(Duration delay, std::function<void()> f) {
  struct Pending : Timer {
    explicit Pending(Loop::Task t) : task(std::move(t)) {}
    ~Pending() override { *task = nullptr; }
    Loop::Task task;
  };
  // A delay of nothing is work to be done, not waiting.
  auto kind = delay.count() <= 0 ? Loop::Kind::kWork : Loop::Kind::kTimer;
  return std::make_unique<Pending>(
      world.loop.schedule(std::max(delay, Duration(0)), kind, std::move(f)));
}

void Host::Parts::run(std::string_view lane, std::function<void()> job,
                      std::function<void()> done) {
  auto found = lanes.find(lane);
  if (found == lanes.end()) found = lanes.emplace(std::string(lane), 0).first;
  found->second = std::max(found->second, world.loop.now()) + world.latency().count();
  std::weak_ptr<int> alive = life;
  world.loop.schedule(Duration(found->second - world.loop.now()), Loop::Kind::kWork,
                      [alive, job = std::move(job), done = std::move(done)] {
                        if (alive.expired()) return;
                        job();
                        done();
                      });
}

Host::Host(World& world, std::string name)
    : name_(name), parts_(std::make_unique<Parts>(world, std::move(name))) {}
Host::~Host() = default;

Ports Host::ports() {
  return {*parts_, *parts_, parts_->random, *parts_, *parts_};
}

void Host::set_connected(bool connected) {
  if (connected == parts_->up) return;
  parts_->up = connected;
  parts_->connection = std::make_shared<int>(0);
  parts_->world.note(name_ + (connected ? " connected" : " disconnected"));
  parts_->tell(connected ? BusState::kConnected : BusState::kDisconnected);
}

void Host::overrun() {
  parts_->connection = std::make_shared<int>(0);
  parts_->world.note(name_ + " overrun");
  parts_->tell(BusState::kLossy);
}

void Host::set_permissions(Permissions permissions) {
  parts_->permissions = std::move(permissions);
}
const std::vector<std::string>& Host::complaints() const {
  return parts_->complaints;
}

World::World(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
World::~World() {
  impl_->loop.clear();
}

Host& World::add_host(const std::string& name) {
  impl_->hosts.push_back(std::unique_ptr<Host>(new Host(*this, name)));
  return *impl_->hosts.back();
}

void World::remove_host(Host& host) {
  std::erase_if(impl_->hosts, [&](const auto& h) { return h.get() == &host; });
}

void World::run_for(Duration d) {
  int64_t end = impl_->loop.now() + d.count();
  while (impl_->loop.step(end)) {
  }
  impl_->loop.set_now(end);
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  int64_t end = impl_->loop.now() + limit.count();
  while (!done()) {
    if (!impl_->loop.step(end)) return done();
  }
  return true;
}

bool World::settle(Duration limit) {
  int64_t end = impl_->loop.now() + limit.count();
  while (impl_->loop.work() > 0) {
    if (!impl_->loop.step(end)) return false;
  }
  return true;
}

Faults& World::faults() {
  return impl_->faults;
}
void World::jump_wall_clock(Duration by) {
  impl_->wall_offset += by.count();
}
int64_t World::now_ns() const {
  return impl_->loop.now();
}
Random& World::random() {
  return impl_->random;
}
const std::string& World::trace() const {
  return impl_->trace;
}
void World::keep_trace(bool on) {
  impl_->tracing = on;
}

}  // namespace kubus::bus::sim
