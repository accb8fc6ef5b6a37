// A seeded world for components: virtual time, one random source, workers and a bus, all in one
// process and one thread. The same seed and the same calls give the same trace.
//
//   sim::World world(7);
//   auto& host = world.add_host("scheduler");        // its ports; destroying the component is a
//   crash Component c(host.ports(), …); world.run_for(std::chrono::seconds(5));
//
// Time moves only in run_for(), run_until() and settle(). The bus keeps what NATS promises (a
// publisher's messages arrive in order at each subscriber) and breaks what it may break: see
// Faults.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/ports/ports.h"

namespace kubus::bus::sim {

class World;
class Network;

// What the bus does wrong. All chances in 1/1000, per message and subscriber.
struct Faults {
  unsigned drop = 0;
  unsigned duplicate = 0;
  Duration latency_least = std::chrono::microseconds(100);
  Duration latency_most = std::chrono::milliseconds(2);
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
  void set_permissions(Permissions permissions);
  // Lines logged at kWarn and above.
  const std::vector<std::string>& complaints() const;

 private:
  friend class World;
  friend class Network;
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
  // Wall clocks jump; the monotonic clock does not.
  void jump_wall_clock(Duration by);
  int64_t now_ns() const;
  Random& random();
  // Every message delivered and every fault, one line each. For comparing two runs.
  const std::string& trace() const;
  void keep_trace(bool on);

 private:
  friend class Host;
  friend class Network;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::bus::sim
