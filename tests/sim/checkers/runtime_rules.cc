#include "schemas/bus/event_generated.h"
#include "tests/sim/checkers/checkers.h"

namespace kubus::sim {
namespace {

// "default/web-1 (uid)" → the machines on which a container of it runs.
struct Running {
  std::string uid, machine, sandbox;
};

std::multimap<std::string, Running> running_pods(Cluster& cluster) {
  std::multimap<std::string, Running> out;
  for (const auto& machine : cluster.machines()) {
    for (const auto& [id, sandbox] : machine->runtime->sandboxes()) {
      bool alive = false;
      for (const auto& [cid, c] : machine->runtime->containers())
        alive |= c.sandbox_id == id && c.state == kubelet::ContainerState::kRunning;
      if (alive)
        out.emplace(sandbox.ns + "/" + sandbox.name, Running{sandbox.uid, machine->name, id});
    }
  }
  return out;
}

}  // namespace

RuntimeRules::RuntimeRules(Cluster& cluster, Chronicle& chronicle, Story& story)
    : cluster_(cluster), chronicle_(chronicle), story_(story) {
  chronicle.listen([this](const kit::EventView& event, const Object&) {
    if (event->type() == wire::EventType::Deleted && text_of(event->resource()) == "pods" &&
        text_of(event->actor()).rfind("kubelet:", 0) == 0) {
      given_up_.insert(std::string(text_of(event->uid())));
      look();
    }
  });
}

void RuntimeRules::look() {
  auto running = running_pods(cluster_);
  for (const auto& [name, r] : running) {
    if (given_up_.count(r.uid))
      story_.wrong("runtime", name + " runs on " + r.machine + " though its kubelet gave it up");
  }
  for (auto at = running.begin(); at != running.end();) {
    auto [first, last] = running.equal_range(at->first);
    if (std::distance(first, last) > 1) {
      auto second = std::next(first);
      story_.wrong("identity", at->first + " runs on " + first->second.machine + " (" +
                                   first->second.sandbox + ") and on " + second->second.machine +
                                   " (" + second->second.sandbox + ")");
    }
    at = last;
  }
}

void RuntimeRules::check_end() {
  std::map<std::string, std::string> runs, wanted;
  for (const auto& [name, r] : running_pods(cluster_)) runs[name] = r.machine;
  for (const Object& pod : chronicle_.all("pods")) {
    if (pod.field("status.phase") == "Running")
      wanted[std::string(pod.ns()) + "/" + std::string(pod.name())] =
          pod.field("spec.nodeName").value_or("");
  }
  for (const auto& [name, machine] : wanted) {
    if (runs.count(name) == 0) story_.wrong("runtime", name + " is Running, but does not run");
  }
  for (const auto& [name, machine] : runs) {
    auto found = wanted.find(name);
    if (found == wanted.end())
      story_.wrong("runtime", name + " runs on " + machine + " though nobody wants it");
    else if (found->second != machine)
      story_.wrong("runtime", name + " runs on " + machine + ", not on " + found->second);
  }
}

}  // namespace kubus::sim
