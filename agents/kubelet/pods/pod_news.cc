// What PodWorkers tells as Events.
#include "agents/kubelet/pods/desired.h"
#include "agents/kubelet/pods/pod_workers.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

std::string field_of(const Object& pod, const std::string& container) {
  if (container.empty()) return "";
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  bool init = false;
  if (spec && spec->init_containers()) {
    for (const auto* c : *spec->init_containers())
      init |= c->name() && c->name()->string_view() == container;
  }
  return (init ? "spec.initContainers{" : "spec.containers{") + container + "}";
}

}  // namespace

void PodWorkers::tell(const std::string& uid, const std::string& container, bool warning,
                      const char* reason, const std::string& message) {
  Worker* worker = find(uid);
  if (!worker || !worker->pod) return;
  tell_({*worker->pod, warning, reason, message, field_of(*worker->pod, container)});
}

void PodWorkers::tell_pulled(const std::string& uid, const std::string& container,
                             const std::string& image, bus::Duration took) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  tell(uid, container, false, "Pulled",
       "Successfully pulled image \"" + image + "\" in " + std::to_string(ms) + "ms");
}

void PodWorkers::tell_failure(const std::string& uid, const std::string& container,
                              const std::string& reason, const std::string& message) {
  if (reason == "ErrImageNeverPull")
    return tell(uid, container, true, "ErrImageNeverPull", message);
  if (reason == "ImagePullBackOff") return tell(uid, container, false, "BackOff", message);
  if (reason == "InvalidImageName") return tell(uid, container, true, "InspectFailed", message);
  tell(uid, container, true, "Failed", (reason == "ErrImagePull" ? "" : "Error: ") + message);
  if (reason == "ErrImagePull") tell(uid, container, true, "Failed", "Error: ErrImagePull");
}

// Once for each run that ended too soon.
void PodWorkers::tell_held_back(const std::string& uid, Worker& worker, const DesiredPod& desired,
                                const ObservedPod& observed) {
  if (worker.memory.ending_since > 0) return;
  for (const DesiredContainer& c : desired.containers) {
    const ContainerStatus* last = observed.latest(c.name);
    if (!last || !ended(*last) || !wants_restart(desired, c, *last)) continue;
    if (ports_.clock.wall_ns() >= restart_due(*last)) continue;
    if (std::exchange(worker.memory.containers[c.name].held_back, last->id) == last->id) continue;
    tell(uid, c.name, true, "BackOff",
         "Back-off restarting failed container " + c.name + " in pod " + desired.name + "_" +
             desired.ns + "(" + uid + ")");
  }
}

void PodWorkers::on_probe_failed(const Prober::Key& key, ProbeKind kind,
                                 const std::string& message) {
  tell(key.uid, key.container, true, "Unhealthy",
       std::string(name_of(kind)) + " probe failed: " + message);
}

}  // namespace kubus::kubelet
