#include "agents/kubelet/hollow/hollow_nodes.h"

namespace kubus::kubelet {
namespace {

// About what a small image on a machine that is not busy takes.
constexpr FakeTimes kTimes{.call = std::chrono::milliseconds(1),
                           .sandbox = std::chrono::milliseconds(50),
                           .start = std::chrono::milliseconds(20),
                           .pull = std::chrono::milliseconds(200)};
// Of thousands of Leases nobody needs to know more than that they are renewed.
constexpr bus::Duration kRenew = std::chrono::seconds(30);
constexpr bus::Duration kTurn = std::chrono::milliseconds(10);

}  // namespace

std::string hollow_name(const std::string& prefix, int number) {
  return prefix + "-" + std::to_string(number);
}

HollowMachine::HollowMachine(bus::Clock& clock) : runtime(clock), network(clock) {
  runtime.set_times(kTimes);
  runtime.has_any_image(true);
  runtime.remembers(false);
}

Machine HollowOptions::hollow_machine() {
  Machine out;
  out.kernel = "hollow";
  out.os_image = "hollow";
  out.architecture = "amd64";
  out.cpus = 32;
  out.memory_bytes = int64_t{256} << 30;
  out.disk_bytes = int64_t{1} << 40;
  return out;
}

HollowNodes::HollowNodes(bus::Ports ports, std::vector<std::unique_ptr<HollowMachine>>& machines,
                         HollowOptions options)
    : bus_(ports.bus),
      ports_{bus_, ports.clock, ports.random, ports.log, ports.workers},
      machines_(machines),
      options_(std::move(options)),
      began_(ports.clock.now()) {
  kubelets_.reserve(machines_.size());
  start_next();
}

void HollowNodes::start_next() {
  bus::Duration since = ports_.clock.now() - began_;
  auto due = static_cast<size_t>(since / options_.start_every) + 1;
  while (kubelets_.size() < std::min(due, machines_.size())) {
    size_t i = kubelets_.size();
    KubeletOptions o;
    o.node.name = hollow_name(options_.prefix, static_cast<int>(i));
    o.client = {.cluster = options_.cluster, .actor = Actor("kubelet:" + o.node.name)};
    o.node.address = options_.address;
    o.node.version = options_.version;
    o.node.machine = options_.machine;
    o.node.machine.hostname = o.node.name;
    o.node.renew_every = kRenew;
    o.look_every = options_.look_every;
    kubelets_.push_back(
        std::make_unique<Kubelet>(ports_, machines_[i]->runtime, machines_[i]->network, o));
  }
  if (kubelets_.size() < machines_.size())
    timer_ = ports_.clock.after(kTurn, [this] { start_next(); });
}

}  // namespace kubus::kubelet
