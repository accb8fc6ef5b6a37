// A seeded world for components: virtual time, one random source, workers and a bus, all in one
// process and one thread. The same seed and the same calls give the same trace.
//
//   sim::World world(7);
//   auto& host = world.add_host("scheduler");   // its ports; destroying the component is a crash
//   Component c(host.ports(), …);
//   world.run_for(std::chrono::seconds(5));
//
// Time moves only in run_for(), run_until() and settle(). The bus keeps what NATS promises (a
// publisher's messages arrive in order at each subscriber) and breaks what it may break: see
// Faults.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus/ports/ports.h"

namespace kubus::bus::sim {

class World;
struct Listener;

// What the bus does wrong. All chances in 1/1000, per message and subscriber.
struct Faults {
  // Messages on other subjects are neither dropped, doubled nor slowed down. Empty: all may be.
  std::vector<Pattern> only;
  unsigned drop = 0;
  unsigned duplicate = 0;
  // The link between a publisher and a subscriber stands still for up to `slow_most`, and its
  // messages with it, while others' overtake them.
  unsigned slow = 0;
  Duration slow_most = std::chrono::seconds(5);
  Duration latency_least = std::chrono::microseconds(100);
  Duration latency_most = std::chrono::milliseconds(2);
  // Asked for each message and receiver; true: this one is lost. Null: none is.
  std::function<bool(const std::string& from, const std::string& to, const std::string& subject)>
      lose;

  size_t pending_messages = 65'536;  // that wait for a paused process; more are lost (kLossy)
  // How long a silent connection lives: until the server gives the client up, and the client the
  // server.
  Duration server_patience = std::chrono::minutes(4);
  Duration ping_patience = std::chrono::seconds(30);
  // A client comes back at a moment of its own within this time: the longest wait between two
  // attempts of bus/nats, with its jitter.
  Duration reconnect_most = std::chrono::seconds(3);
  // A new host is connected after up to this time, as a real client is. 0: from the beginning.
  Duration connect_most = Duration(0);
};

// What an actor may do on the bus, as the real server enforces it. Empty: everything.
struct Permissions {
  std::vector<Pattern> publish, subscribe;
};

// One simulated process: ports of its own. Components on it must be destroyed before it.
class Host {
 public:
  ~Host();
  Ports ports();
  const std::string& name() const { return name_; }
  // Cut off: publishes are refused, nothing arrives, kDisconnected is told; again: kConnected.
  void set_connected(bool connected);
  // The process was too slow: messages on their way to it are lost and kLossy is told.
  void overrun();
  // As SIGSTOP and SIGCONT: meanwhile none of its callbacks runs and it cannot come back to the
  // bus; afterwards all that fell due does, in order. Messages wait, up to
  // Faults::pending_messages; who is away for Faults::server_patience has been given up and must
  // connect again.
  void pause();
  void resume();
  bool paused() const;
  // Parted from the server, and nobody is told: what it publishes and what it should hear is lost.
  // After Faults::ping_patience it notices: kDisconnected. Joined again it comes back in a while.
  void cut(bool parted);
  // Its wall clock alone jumps.
  void jump_wall_clock(Duration by);
  // Its worker jobs on that lane take up to so long, as on a slow disk. 0: as all others.
  void slow_lane(std::string_view lane, Duration most);
  void set_permissions(Permissions permissions);
  // Lines logged at kWarn and above.
  const std::vector<std::string>& complaints() const;

 private:
  friend class World;
  friend struct Listener;
  struct Parts;
  Host(World& world, std::string name);
  std::string name_;
  std::unique_ptr<Parts> parts_;
};

class World {
 public:
  explicit World(uint64_t seed);
  ~World();
  World(const World&) = delete;

  Host& add_host(const std::string& name);
  void remove_host(Host& host);

  void run_for(Duration d);
  // Runs until `done()` holds, at most `limit`. Returns whether it did.
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::minutes(10));
  // Runs until no message and no job is under way (timers may still wait), at most `limit`.
  bool settle(Duration limit = std::chrono::minutes(1));

  Faults& faults();
  // The bus's server dies, and all that was under way with it; it is back after `down`, and its
  // clients one by one, see Faults::reconnect_most. Again while it is away: it stays away longer.
  void restart_server(Duration down);
  // Wall clocks jump; the monotonic clock does not.
  void jump_wall_clock(Duration by);
  int64_t now_ns() const;
  Random& random();
  // Every message delivered and every fault, one line each. For comparing two runs.
  const std::string& trace() const;
  void keep_trace(bool on);
  // The same lines as they come, without being kept.
  void on_trace(std::function<void(std::string_view line)> f);
  // How often each kind of fault struck: "drop", "duplicate", "slow", "cut", "lost in a cut",
  // "disconnect", "overrun", "pause", "given up by the server", "server restart", "clock jump".
  const std::map<std::string, size_t>& counts() const;

 private:
  friend class Host;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::bus::sim
