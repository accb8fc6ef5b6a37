// Many nodes in one process, to try how far a cluster goes: real kubelets, each with a name, an
// actor and a lane of its own, over one connection to the bus; their runtimes are faked and nothing
// of them is on disk. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agents/kubelet/fake/fake_network.h"
#include "agents/kubelet/fake/fake_runtime.h"
#include "agents/kubelet/hollow/shared_bus.h"
#include "agents/kubelet/kubelet.h"

namespace kubus::kubelet {

// "hollow-0", "hollow-1", …: what whoever makes the bus's permissions must know too.
std::string hollow_name(const std::string& prefix, int number);

// What a kubelet runs on, and what outlives it.
class HollowMachine {
 public:
  explicit HollowMachine(bus::Clock& clock);
  FakeRuntime runtime;
  FakeNetwork network;
};

struct HollowOptions {
  ClusterName cluster;
  std::string prefix = "hollow", address = "127.0.0.1", version;
  Machine machine = hollow_machine();
  bus::Duration look_every = std::chrono::seconds(10);
  // Nodes begin one after another, so that they do not all speak at once, now and every ten
  // seconds.
  bus::Duration start_every = std::chrono::milliseconds(1);

  // 32 CPUs, 256 GiB: more than any test's Pods ask for.
  static Machine hollow_machine();
};

class HollowNodes {
 public:
  // A node for each machine. `machines` outlives it.
  HollowNodes(bus::Ports ports, std::vector<std::unique_ptr<HollowMachine>>& machines,
              HollowOptions options);
  HollowNodes(const HollowNodes&) = delete;

  size_t started() const { return kubelets_.size(); }

 private:
  void start_next();

  SharedBus bus_;
  bus::Ports ports_;
  std::vector<std::unique_ptr<HollowMachine>>& machines_;
  HollowOptions options_;
  bus::Instant began_;
  std::vector<std::unique_ptr<Kubelet>> kubelets_;
  std::unique_ptr<bus::Timer> timer_;
};

}  // namespace kubus::kubelet
