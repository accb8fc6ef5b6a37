// Probes the containers that run: each by its own times, none waiting for one that hangs, and not
// too many at once. Loop thread only.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agents/kubelet/probes/checker.h"
#include "agents/kubelet/probes/health.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

class Prober {
 public:
  struct Key {
    std::string uid, container;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  // A run of a container.
  struct Target {
    Checker::Where where;
    int64_t started_at = 0;  // unix nanoseconds
  };
  // What it is told: a try that failed, and that health() has changed.
  struct Handlers {
    std::function<void(const Key&, ProbeKind, const std::string& message)> failed;
    std::function<void(const Key&)> changed;
  };

  Prober(bus::Ports ports, Checker& checker, Handlers handlers);

  // Begins with a run; what was watched under that key is forgotten.
  void watch(const Key& key, const Target& target, const Probes& probes, Health::Before before);
  // It is being stopped.
  void set_ending(const Key& key);
  void forget(const Key& key);
  void forget_pod(const std::string& uid);
  // Null: this run is not watched.
  const Health* health(const Key& key, std::string_view container_id) const;

 private:
  struct Run {
    Target target;
    Health health;
    uint64_t number = 0;
    std::array<bool, 3> slow = {};  // by ProbeKind: its last try was cut
    std::unique_ptr<bus::Timer> timer;
  };
  struct Try {
    Key key;
    uint64_t number = 0;  // of its run
    ProbeKind kind = ProbeKind::kLiveness;
  };
  // Tries of a sort: commands cost the runtime more than connections cost the network, and those
  // that hang wait for each other only.
  struct Lane {
    size_t most, busy = 0;
    std::deque<Try> waiting;
  };

  Run* find(const Try& t);
  void schedule(const Key& key, Run& run);
  void on_due(const Key& key);
  Lane& lane_of(const Run& run, ProbeKind kind);
  void next(Lane& lane);
  void start(Lane& lane, const Try& t, Run& run);
  void on_verdict(Lane& lane, const Try& t, const Verdict& verdict);

  bus::Ports ports_;
  Checker& checker_;
  Handlers handlers_;
  std::map<Key, Run> runs_;
  Lane commands_{16}, slow_commands_{16}, connections_{256}, slow_connections_{256};
  uint64_t numbers_ = 0;
};

}  // namespace kubus::kubelet
