#include "bus/sim/world.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "bus/sim/loop.h"
#include "bus/sim/router.h"

namespace kubus::bus::sim {
namespace {

constexpr size_t kMaxPayload = (4 << 20) + (64 << 10);
constexpr size_t kUnknownMaxPayload = 1 << 20;  // as bus/nats says until the server told it
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

// What a process's subscription is to the bus. Gone from the router when it ends; a delivery that
// is under way then finds it ended.
struct Listener {
  Host::Parts* to;
  std::shared_ptr<Bus::Handler> handler;
  bool ended = false;
};

struct World::Impl {
  explicit Impl(uint64_t seed) : random(seed) {}
  Duration between(Duration least, Duration most) {
    auto span = static_cast<uint64_t>(most.count() - least.count()) + 1;
    return least + Duration(static_cast<int64_t>(random.below(span)));
  }
  Duration latency() { return between(faults.latency_least, faults.latency_most); }
  bool strikes(unsigned per_thousand, const char* fault) {
    if (per_thousand == 0 || random.below(1000) >= per_thousand) return false;
    ++counts[fault];
    return true;
  }
  bool strikes_on(std::string_view subject) const {
    return faults.only.empty() || allowed(faults.only, subject);
  }
  bool heard() const { return tracing || listener; }
  void note(const std::string& line) {
    std::string whole = std::to_string(loop.now()) + " " + line;
    if (listener) listener(whole);
    if (tracing) trace += whole + "\n";
  }

  Loop loop;
  SeededRandom random;
  Faults faults;
  Router<std::shared_ptr<Listener>> router;
  std::vector<std::unique_ptr<Host>> hosts;
  uint64_t next_serial = 1;
  bool server_up = true;
  uint64_t server_life = 0;
  int64_t wall_offset = kEpochNs;
  std::map<std::string, size_t> counts;
  std::string trace;
  std::function<void(std::string_view)> listener;
  bool tracing = false;
};

// The ports of one host.
struct Host::Parts : Bus, Clock, Log, Workers {
  Parts(World& w, std::string n)
      : world(*w.impl_),
        name(std::move(n)),
        serial(world.next_serial++),
        random(world.random.next()) {
    up = world.server_up && world.faults.connect_most.count() == 0;
    if (!up && world.server_up) join_within(world.faults.connect_most);
  }

  // Bus
  bool publish(const Subject& subject, ByteView payload, const Subject* reply) override;
  std::unique_ptr<Subscription> subscribe(const Pattern& pattern, Handler handler) override;
  std::unique_ptr<Subscription> watch_state(StateHandler handler) override;
  bool connected() const override { return up; }
  size_t max_payload() const override { return up ? kMaxPayload : kUnknownMaxPayload; }
  void send_to(const std::shared_ptr<Listener>& listener,
               const std::shared_ptr<const Message>& message, bool may_stall);
  void deliver(const std::shared_ptr<Listener>& listener,
               const std::shared_ptr<const Message>& message);
  void hand_over(const std::shared_ptr<Listener>& listener,
                 const std::shared_ptr<const Message>& message);
  void tell(BusState state);

  // The connection
  void lose_connection();
  void join();  // if nothing stands against it
  void join_within(Duration most);
  void join_soon() { join_within(world.faults.reconnect_most); }  // a client's usual wait
  void notice_cut(uint64_t which);

  // Clock
  Instant now() const override { return {world.loop.now()}; }
  int64_t wall_ns() const override { return world.wall_offset + wall_offset + world.loop.now(); }
  std::unique_ptr<Timer> after(Duration delay, std::function<void()> f) override;

  // Log
  void write(Level level, std::string_view line) override {
    if (world.heard()) world.note(name + " logs " + std::string(line));
    if (level >= Level::kWarn) complaints.emplace_back(line);
  }

  // Workers
  void run(std::string_view lane, std::function<void()> job, std::function<void()> done) override;

  // Runs `task` on this process now, or in its turn once it is no longer paused.
  void on_loop(Loop::Task task);
  bool must_wait() const { return is_paused || !backlog.empty(); }
  void catch_up();

  World::Impl& world;
  std::string name;
  uint64_t serial;
  SeededRandom random;
  bool up = true;  // connected, as it believes
  bool unplugged = false, parted = false;
  Permissions permissions;
  std::map<uint64_t, std::shared_ptr<StateHandler>> watchers;
  // By receiver: the last arrival, which the next must not overtake.
  std::unordered_map<uint64_t, int64_t> arrivals;
  std::map<std::string, int64_t, std::less<>> lanes;  // by lane: when its last job ends
  std::map<std::string, Duration, std::less<>> slow_lanes;
  std::vector<std::string> complaints;
  bool is_paused = false;
  Instant paused_at;
  std::deque<Loop::Task> backlog;
  size_t waiting_messages = 0;
  bool lost_some = false;
  int64_t wall_offset = 0;
  uint64_t cuts = 0, next_watcher = 1;
  std::shared_ptr<int> life = std::make_shared<int>(0);        // ends with the host
  std::shared_ptr<int> connection = std::make_shared<int>(0);  // ends with the connection
};

// ---- messages ----

bool Host::Parts::publish(const Subject& subject, ByteView payload, const Subject* reply) {
  if (!up || payload.size() > max_payload()) return false;
  if (!permissions.publish.empty() && !allowed(permissions.publish, subject.str())) {
    write(Level::kWarn, "bus: not permitted to publish on " + subject.str());
    return true;  // as the real server: it swallows it and complains later
  }
  if (parted) return ++world.counts["lost in a cut"], true;
  auto receivers = world.router.receivers(subject.str());
  if (receivers.empty()) return true;
  auto message = std::make_shared<const Message>(
      Message{subject.str(), reply ? reply->str() : "", Payload::copy_of(payload)});
  bool breaks = world.strikes_on(message->subject);
  for (const auto& receiver : receivers) {
    Parts& to = *receiver.what->to;
    if (!to.up || to.parted) continue;
    if ((breaks && world.strikes(world.faults.drop, "drop")) ||
        (world.faults.lose && world.faults.lose(name, to.name, subject.str()))) {
      if (world.heard()) world.note("drop " + name + " -> " + to.name + " " + subject.str());
      continue;
    }
    send_to(receiver.what, message, breaks);
    if (breaks && world.strikes(world.faults.duplicate, "duplicate"))
      send_to(receiver.what, message, breaks);
  }
  return true;
}

void Host::Parts::send_to(const std::shared_ptr<Listener>& listener,
                          const std::shared_ptr<const Message>& message, bool may_stall) {
  Parts& to = *listener->to;
  int64_t& last = arrivals[to.serial];
  auto took = world.latency();
  if (may_stall && world.strikes(world.faults.slow, "slow"))
    took += world.between(Duration(0), world.faults.slow_most);
  last = std::max(last, world.loop.now() + took.count());
  world.loop.schedule(Duration(last - world.loop.now()), Loop::Kind::kWork,
                      [connected = std::weak_ptr<int>(to.connection), listener, message] {
                        if (connected.expired() || listener->ended) return;
                        listener->to->deliver(listener, message);
                      });
}

void Host::Parts::deliver(const std::shared_ptr<Listener>& listener,
                          const std::shared_ptr<const Message>& message) {
  if (parted) return (void)++world.counts["lost in a cut"];
  if (must_wait()) {
    if (waiting_messages >= world.faults.pending_messages) return (void)(lost_some = true);
    ++waiting_messages;
    backlog.push_back(std::make_shared<std::function<void()>>(
        [this, connected = std::weak_ptr<int>(connection), listener, message] {
          --waiting_messages;
          if (!connected.expired() && !listener->ended) hand_over(listener, message);
        }));
    return;
  }
  hand_over(listener, message);
}

void Host::Parts::hand_over(const std::shared_ptr<Listener>& listener,
                            const std::shared_ptr<const Message>& message) {
  if (world.heard()) world.note("deliver " + name + " " + message->subject);
  auto handler = listener->handler;  // it may end its own subscription
  (*handler)(*message);
}

std::unique_ptr<Subscription> Host::Parts::subscribe(const Pattern& pattern, Handler handler) {
  bool may = permissions.subscribe.empty() ||
             std::any_of(permissions.subscribe.begin(), permissions.subscribe.end(),
                         [&](const Pattern& p) {
                           return p.str() == pattern.str() || p.matches(pattern.str());
                         });
  if (!may) write(Level::kWarn, "bus: not permitted to subscribe to " + pattern.str());
  auto listener =
      std::make_shared<Listener>(Listener{this, std::make_shared<Handler>(std::move(handler))});
  uint64_t number = world.next_serial++;
  if (may) world.router.add(pattern.str(), number, listener);
  return std::make_unique<Ending>(
      [this, alive = std::weak_ptr<int>(life), listener, number, pattern] {
        listener->ended = true;
        if (!alive.expired()) world.router.remove(pattern.str(), number);
      });
}

// ---- the connection ----

std::unique_ptr<Subscription> Host::Parts::watch_state(StateHandler handler) {
  uint64_t id = next_watcher++;
  auto shared = std::make_shared<StateHandler>(std::move(handler));
  watchers.emplace(id, shared);
  (*shared)(up ? BusState::kConnected : BusState::kDisconnected);
  return std::make_unique<Ending>([this, alive = std::weak_ptr<int>(life), id] {
    if (!alive.expired()) watchers.erase(id);
  });
}

void Host::Parts::tell(BusState state) {
  on_loop(std::make_shared<std::function<void()>>([this, state] {
    auto copy = watchers;
    for (auto& [id, handler] : copy) {
      if (watchers.count(id)) (*handler)(state);
    }
  }));
}

void Host::Parts::lose_connection() {
  connection = std::make_shared<int>(0);
  if (!std::exchange(up, false)) return;
  ++world.counts["disconnect"];
  if (world.heard()) world.note(name + " disconnected");
  tell(BusState::kDisconnected);
}

void Host::Parts::join() {
  if (up || unplugged || parted || is_paused || !world.server_up) return;
  up = true;
  if (world.heard()) world.note(name + " connected");
  tell(BusState::kConnected);
}

void Host::Parts::join_within(Duration most) {
  auto wait = world.between(Duration(0), most);
  world.loop.schedule(wait, Loop::Kind::kTimer, [this, alive = std::weak_ptr<int>(life)] {
    if (!alive.expired()) join();
  });
}

void Host::Parts::notice_cut(uint64_t which) {
  if (parted && cuts == which) lose_connection();
}

// ---- time and work ----

void Host::Parts::on_loop(Loop::Task task) {
  if (must_wait()) return backlog.push_back(std::move(task));
  if (*task) std::exchange(*task, nullptr)();
}

// One thing of the backlog at a time; what comes meanwhile waits behind it.
void Host::Parts::catch_up() {
  world.loop.schedule(Duration(0), Loop::Kind::kWork, [this, alive = std::weak_ptr<int>(life)] {
    if (alive.expired() || is_paused || backlog.empty()) return;
    Loop::Task task = backlog.front();
    if (*task) std::exchange(*task, nullptr)();
    if (alive.expired()) return;
    backlog.pop_front();
    catch_up();
  });
}

std::unique_ptr<Timer> Host::Parts::after(Duration delay, std::function<void()> f) {
  struct Pending : Timer {
    explicit Pending(Loop::Task t) : task(std::move(t)) {}
    ~Pending() override { *task = nullptr; }
    Loop::Task task;
  };
  // A delay of nothing is work to be done, not waiting.
  auto kind = delay.count() <= 0 ? Loop::Kind::kWork : Loop::Kind::kTimer;
  auto task = std::make_shared<std::function<void()>>(std::move(f));
  world.loop.schedule(std::max(delay, Duration(0)), kind,
                      [this, task, alive = std::weak_ptr<int>(life)] {
                        if (!alive.expired()) on_loop(task);
                      });
  return std::make_unique<Pending>(std::move(task));
}

void Host::Parts::run(std::string_view lane, std::function<void()> job,
                      std::function<void()> done) {
  auto found = lanes.find(lane);
  if (found == lanes.end()) found = lanes.emplace(std::string(lane), 0).first;
  auto slow = slow_lanes.find(lane);
  Duration took = slow == slow_lanes.end() ? world.latency() : world.between({}, slow->second);
  found->second = std::max(found->second, world.loop.now()) + took.count();
  auto task =
      std::make_shared<std::function<void()>>([job = std::move(job), done = std::move(done)] {
        job();
        done();
      });
  world.loop.schedule(Duration(found->second - world.loop.now()), Loop::Kind::kWork,
                      [this, task, alive = std::weak_ptr<int>(life)] {
                        if (!alive.expired()) on_loop(task);
                      });
}

// ---- a host ----

Host::Host(World& world, std::string name)
    : name_(name), parts_(std::make_unique<Parts>(world, std::move(name))) {}
Host::~Host() = default;

Ports Host::ports() {
  return {*parts_, *parts_, parts_->random, *parts_, *parts_};
}

void Host::set_connected(bool connected) {
  parts_->unplugged = !connected;
  if (connected)
    parts_->join();
  else
    parts_->lose_connection();
}

void Host::overrun() {
  ++parts_->world.counts["overrun"];
  parts_->connection = std::make_shared<int>(0);
  if (parts_->world.heard()) parts_->world.note(name_ + " overrun");
  parts_->tell(BusState::kLossy);
}

void Host::pause() {
  if (std::exchange(parts_->is_paused, true)) return;
  ++parts_->world.counts["pause"];
  if (parts_->world.heard()) parts_->world.note(name_ + " paused");
  parts_->paused_at = parts_->now();
}

void Host::resume() {
  Parts& p = *parts_;
  if (!std::exchange(p.is_paused, false)) return;
  if (p.world.heard()) p.world.note(name_ + " resumed");
  bool lossy = std::exchange(p.lost_some, false);
  if (p.now() - p.paused_at >= p.world.faults.server_patience && p.up) {
    ++p.world.counts["given up by the server"];
    p.lose_connection();
  } else if (lossy && p.up) {
    ++p.world.counts["overrun"];
    if (p.world.heard()) p.world.note(name_ + " missed messages in its pause");
    p.tell(BusState::kLossy);
  }
  if (!p.up) p.join_soon();
  p.catch_up();
}

bool Host::paused() const {
  return parts_->is_paused;
}

void Host::cut(bool parted) {
  Parts& p = *parts_;
  if (std::exchange(p.parted, parted) == parted) return;
  if (p.world.heard()) p.world.note(name_ + (parted ? " cut off" : " joined again"));
  if (!parted) return p.up ? void() : p.join_soon();
  ++p.world.counts["cut"];
  uint64_t which = ++p.cuts;
  p.world.loop.schedule(p.world.faults.ping_patience, Loop::Kind::kTimer,
                        [&p, which, alive = std::weak_ptr<int>(p.life)] {
                          if (!alive.expired()) p.notice_cut(which);
                        });
}

void Host::jump_wall_clock(Duration by) {
  ++parts_->world.counts["clock jump"];
  parts_->wall_offset += by.count();
}

void Host::slow_lane(std::string_view lane, Duration most) {
  auto& slow = parts_->slow_lanes;
  if (most.count() > 0) {
    ++parts_->world.counts["slow lane"];
    slow.insert_or_assign(std::string(lane), most);
  } else if (auto found = slow.find(lane); found != slow.end()) {
    slow.erase(found);
  }
}

void Host::set_permissions(Permissions permissions) {
  parts_->permissions = std::move(permissions);
}
const std::vector<std::string>& Host::complaints() const {
  return parts_->complaints;
}

// ---- the world ----

World::World(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
World::~World() {
  impl_->loop.clear();
}

Host& World::add_host(const std::string& name) {
  impl_->hosts.push_back(std::unique_ptr<Host>(new Host(*this, name)));
  return *impl_->hosts.back();
}

void World::remove_host(Host& host) {
  uint64_t gone = host.parts_->serial;
  std::erase_if(impl_->hosts, [&](const auto& h) { return h.get() == &host; });
  for (auto& h : impl_->hosts) h->parts_->arrivals.erase(gone);
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

void World::restart_server(Duration down) {
  Impl& w = *impl_;
  ++w.counts["server restart"];
  if (w.heard()) w.note("the server dies");
  w.server_up = false;
  uint64_t life = ++w.server_life;
  for (auto& host : w.hosts) host->parts_->lose_connection();
  w.loop.schedule(down, Loop::Kind::kTimer, [&w, life] {
    if (w.server_life != life) return;
    if (w.heard()) w.note("the server is back");
    w.server_up = true;
    for (auto& host : w.hosts) host->parts_->join_soon();
  });
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
void World::on_trace(std::function<void(std::string_view)> f) {
  impl_->listener = std::move(f);
}
const std::map<std::string, size_t>& World::counts() const {
  return impl_->counts;
}

}  // namespace kubus::bus::sim
