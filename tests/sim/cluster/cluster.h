// A whole cluster in one process: the classes that ship, on a simulated bus, clock and random
// source, over disks and container runtimes in memory that outlive the programs.
//
//   Cluster cluster(seed, {.nodes = 3});
//   cluster.start();
//   cluster.world.run_for(std::chrono::seconds(10));
//   cluster.process("store").kill();
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/kubelet/fake/fake_network.h"
#include "agents/kubelet/fake/fake_runtime.h"
#include "bus/kit/client.h"
#include "bus/sim/world.h"
#include "services/store/engine/memory.h"
#include "services/store/journal/memory.h"
#include "tests/sim/cluster/process.h"

namespace kubus::store {
class Store;
}

namespace kubus::sim {

struct Abroad;

// Where the bridge brings the events of a kind.
struct RouteSpec {
  enum class To : uint8_t { kEach, kBatches, kSubjects, kFile };  // kEach: one in a request
  std::string name;
  const schema::KindInfo* kind = nullptr;
  std::string ns;  // "" : of all
  To to = To::kEach;
};

struct ClusterSpec {
  int nodes = 3, schedulers = 1, controllers = 1, gateways = 1;
  int cpus = 4;
  std::vector<RouteSpec> routes;  // none: there is no bridge
  // The store compacts what is older than both. A greater `most`: the seed chooses up to that.
  uint64_t keep_revisions = 1'000'000, keep_revisions_most = 0;
  bus::Duration keep_time = std::chrono::seconds(1), keep_time_most{};
};

// What of a node outlives its kubelet: the machine, its containers and the kubelet's directory.
struct Machine {
  Machine(bus::sim::World& world, const std::string& name);
  std::string name;
  bus::sim::Host& host;  // of the machine's own clock
  std::unique_ptr<kubelet::FakeRuntime> runtime;
  std::unique_ptr<kubelet::FakeNetwork> network;
  std::string directory;
};

class Cluster {
 public:
  Cluster(uint64_t seed, ClusterSpec spec);
  ~Cluster();

  void start();
  // "store", "scheduler-0", "controllers-1", "gateway-0", "kubelet-n1", "bridge", in that order.
  const std::vector<std::unique_ptr<Process>>& processes() const { return processes_; }
  Process& process(const std::string& name);
  const std::vector<std::unique_ptr<Machine>>& machines() const { return machines_; }
  // The machine loses power: its kubelet dies and its containers are gone; then it comes back.
  void power_off(Machine& machine);

  // The simulated process of somebody outside: a user, an observer, "follower-0" and so on. Never
  // killed.
  static constexpr size_t kFollowers = 4;
  bus::sim::Host& outside(const std::string& name);
  kit::ClientOptions client_options(const std::string& actor) const;
  store::Store* store() const { return store_; }  // null: it does not run
  store::MemoryLog& disk() { return *log_; }
  Abroad* abroad() { return abroad_.get(); }                   // null: there is no bridge
  const std::string& directory() const { return directory_; }  // of what is kept in real files
  const ClusterSpec& spec() const { return spec_; }

  bus::sim::World world;

 private:
  void choose_retention();
  void add(const std::string& name, Process::Make make);
  std::shared_ptr<void> make_store(bus::Ports ports);
  std::shared_ptr<void> make_kubelet(bus::Ports ports, Machine& machine);
  void equip(Machine& machine);

  ClusterSpec spec_;
  std::string directory_;
  std::shared_ptr<store::MemoryTables> tables_ = std::make_shared<store::MemoryTables>();
  std::shared_ptr<store::MemoryLog> log_ = std::make_shared<store::MemoryLog>();
  store::Store* store_ = nullptr;
  std::map<std::string, bus::sim::Host*> outside_;
  std::unique_ptr<Abroad> abroad_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::unique_ptr<Process>> processes_;
};

}  // namespace kubus::sim
