#include "tests/sim/cluster/cluster.h"

#include <stdlib.h>

#include <cstdio>
#include <filesystem>

#include "agents/kubelet/kubelet.h"
#include "services/controllers/controllers.h"
#include "services/scheduler/scheduler.h"
#include "services/store/store.h"
#include "tests/sim/cluster/abroad.h"
#include "tests/sim/cluster/gateway_program.h"

namespace kubus::sim {
namespace {

constexpr const char* kCluster = "sim";

// Where what kubelets write costs no disk, if there is such a place.
std::string make_directory() {
  std::error_code code;
  bool shared = std::filesystem::is_directory("/dev/shm", code);
  std::string pattern = shared ? "/dev/shm" : std::filesystem::temp_directory_path(code).string();
  pattern += "/kubus-sim-XXXXXX";
  return ::mkdtemp(pattern.data()) ? pattern : "";
}

}  // namespace

Machine::Machine(bus::sim::World& world, const std::string& n)
    : name(n), host(world.add_host("machine-" + n)) {}

Cluster::Cluster(uint64_t seed, ClusterSpec spec)
    : world(seed), spec_(spec), directory_(make_directory()) {
  choose_retention();
  world.faults().connect_most = std::chrono::milliseconds(500);
  log_->tear([this] {
    return world.random().next();
  });  // of what the store was writing when it died some may be there
  add("store", [this](bus::Ports ports) { return make_store(ports); });
  for (int i = 0; i < spec_.schedulers; ++i) {
    std::string name = "scheduler-" + std::to_string(i);
    add(name, [this, name](bus::Ports ports) {
      return std::make_shared<scheduler::Scheduler>(
          ports,
          scheduler::SchedulerOptions{.client = client_options("scheduler"), .identity = name});
    });
  }
  for (int i = 0; i < spec_.controllers; ++i) {
    std::string name = "controllers-" + std::to_string(i);
    add(name, [this, name](bus::Ports ports) {
      return std::make_shared<controllers::Controllers>(
          ports, controllers::Options{.client = client_options("controllers"), .identity = name});
    });
  }
  for (int i = 0; i < spec_.gateways; ++i) {
    add("gateway-" + std::to_string(i), [this](bus::Ports ports) {
      return std::make_shared<GatewayProgram>(ports, client_options("gateway"));
    });
  }
  for (int i = 1; i <= spec_.nodes; ++i) {
    machines_.push_back(std::make_unique<Machine>(world, "n" + std::to_string(i)));
    Machine& machine = *machines_.back();
    machine.directory = directory_ + "/" + machine.name;
    equip(machine);
    add("kubelet-" + machine.name,
        [this, &machine](bus::Ports ports) { return make_kubelet(ports, machine); });
  }
  if (spec_.routes.empty()) return;
  abroad_ = std::make_unique<Abroad>(*this, directory_ + "/abroad");
  add("bridge", [this](bus::Ports ports) {
    return make_bridge(ports, client_options("bridge"), spec_.routes, *abroad_);
  });
}

Cluster::~Cluster() {
  processes_.clear();
  machines_.clear();
  abroad_.reset();
  std::error_code code;
  std::filesystem::remove_all(directory_, code);
}

void Cluster::choose_retention() {
  auto choose = [this](uint64_t least, uint64_t most) {
    return most > least ? least + world.random().below(most - least + 1) : least;
  };
  spec_.keep_revisions = choose(spec_.keep_revisions, spec_.keep_revisions_most);
  spec_.keep_time = bus::Duration(choose(static_cast<uint64_t>(spec_.keep_time.count()),
                                         static_cast<uint64_t>(spec_.keep_time_most.count())));
}

void Cluster::add(const std::string& name, Process::Make make) {
  processes_.push_back(std::make_unique<Process>(world, name, std::move(make)));
}

void Cluster::start() {
  for (auto& p : processes_) p->start();
}

Process& Cluster::process(const std::string& name) {
  for (auto& p : processes_) {
    if (p->name() == name) return *p;
  }
  std::fprintf(stderr, "the cluster has no process %s\n", name.c_str());
  std::abort();
}

void Cluster::equip(Machine& machine) {
  bus::Clock& clock = machine.host.ports().clock;
  machine.runtime = std::make_unique<kubelet::FakeRuntime>(clock);
  machine.network = std::make_unique<kubelet::FakeNetwork>(clock);
  for (const char* image : {"web:1", "web:2", "web:3"}) machine.runtime->add_to_registry(image);
  machine.network->answer("/ready", 200);
}

void Cluster::power_off(Machine& machine) {
  process("kubelet-" + machine.name).kill();
  machine.runtime.reset();
  machine.network.reset();
  equip(machine);
}

bus::sim::Host& Cluster::outside(const std::string& name) {
  auto [at, fresh] = outside_.emplace(name, nullptr);
  if (fresh) at->second = &world.add_host(name);
  return *at->second;
}

kit::ClientOptions Cluster::client_options(const std::string& actor) const {
  return {.cluster = ClusterName(kCluster), .actor = Actor(actor)};
}

std::shared_ptr<void> Cluster::make_store(bus::Ports ports) {
  store::StoreOptions options;
  options.cluster = ClusterName(kCluster);
  options.state.cluster_id = kCluster;
  options.state.keep_revisions = spec_.keep_revisions;
  options.state.keep_time = spec_.keep_time;
  auto opened = store::Store::open(ports, std::move(options), store::open_memory(tables_),
                                   store::open_memory_journal(log_, ports.workers));
  if (!opened) {
    ports.log.error("the store does not start: " + opened.error().message);
    return nullptr;
  }
  store_ = opened->get();
  return std::shared_ptr<store::Store>(opened->release(), [this](store::Store* dead) {
    store_ = nullptr;
    delete dead;
  });
}

std::shared_ptr<void> Cluster::make_kubelet(bus::Ports ports, Machine& machine) {
  kubelet::KubeletOptions options;
  options.client = client_options("kubelet:" + machine.name);
  options.node = {machine.name, "192.0.2.1", "v1", {}, "", "", ""};
  options.node.machine.hostname = machine.name;
  options.node.machine.architecture = "amd64";
  options.node.machine.cpus = spec_.cpus;
  options.node.machine.memory_bytes = int64_t(8) << 30;
  options.state_dir = machine.directory;
  return std::make_shared<kubelet::Kubelet>(ports, *machine.runtime, *machine.network, options);
}

}  // namespace kubus::sim
