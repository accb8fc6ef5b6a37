// Breaks things as a scenario says: each of its fault steps strikes at moments and targets that the
// seed chooses, and what it broke is mended after a while, at the latest by heal().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/cluster/cluster.h"
#include "tests/sim/scenario/scenario.h"
#include "tests/sim/story.h"

namespace kubus::sim {

class Injector {
 public:
  Injector(Cluster& cluster, Story& story) : cluster_(cluster), story_(story) {}
  ~Injector();

  void begin(const std::vector<Step>& steps);
  // Strikes no more, and mends everything.
  void heal();
  // How often each kind struck.
  const std::map<std::string, size_t>& counts() const { return counts_; }

 private:
  void arm(const Step& step);
  void strike(const Step& step);
  void mend_later(const Step& step, std::function<void()> mend);
  void count(const Step& step, const std::string& target);
  std::vector<Process*> processes(const std::string& which, bool running);

  void kill(const Step& step);
  void on_host(const Step& step);
  void power_off(const Step& step);
  void end_container(const Step& step);
  void runtime(const Step& step);
  void disk_full(const Step& step);
  void restart_bus(const Step& step);
  void target(const Step& step);
  void slow_down(const Step& step, unsigned permille);
  void jump(const Step& step, bus::sim::Host& host);

  bus::Ports ports() { return cluster_.outside("faults").ports(); }
  template <class T>
  T* pick(const std::vector<T*>& from) {
    return from.empty() ? nullptr : from[ports().random.below(from.size())];
  }

  Cluster& cluster_;
  Story& story_;
  std::map<std::string, size_t> counts_;
  std::map<size_t, std::unique_ptr<bus::Timer>> timers_;  // by step: the next strike
  std::map<size_t, std::pair<std::unique_ptr<bus::Timer>, std::function<void()>>> mends_;
  size_t next_ = 0;
};

}  // namespace kubus::sim
