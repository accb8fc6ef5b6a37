#include "agents/kubelet/pods/desired.h"

#include "schemas/core/v1/pod_generated.h"
#include "schemas/core/v1/volume_generated.h"

namespace kubus::kubelet {
namespace {

using core::v1::Container;
using core::v1::PodSpec;

constexpr int64_t kSecond = 1'000'000'000;

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

template <class List>
bool any(const List* list) {
  return list && list->size() > 0;
}

template <class List>
void add_containers(const List* list, bool init, DesiredPod* out) {
  if (!list) return;
  for (const Container* c : *list) {
    bool sidecar = init && text(c->restart_policy()) == "Always";
    bool post_start = c->lifecycle() && c->lifecycle()->post_start();
    out->containers.push_back({text(c->name()), text(c->image()), text(c->image_pull_policy()),
                               init, sidecar, post_start, text(c->restart_policy())});
  }
}

template <class Security>
void look_at(const Security* security, const std::string& at, std::vector<std::string>* out) {
  if (!security) return;
  if (security->se_linux_options()) out->push_back(at + "seLinuxOptions");
  if (security->windows_options()) out->push_back(at + "windowsOptions");
}

bool limits_disk(const Container& c) {
  const auto* limits = c.resources() ? c.resources()->limits() : nullptr;
  if (!limits) return false;
  for (const auto* e : *limits) {
    if (text(e->key()) == "ephemeral-storage") return true;
  }
  return false;
}

void look_at(const Container& c, std::vector<std::string>* out) {
  std::string at = "container " + text(c.name()) + ": ";
  if (c.lifecycle() && c.lifecycle()->stop_signal()) out->push_back(at + "lifecycle.stopSignal");
  if (any(c.volume_devices())) out->push_back(at + "volumeDevices");
  if (any(c.restart_policy_rules())) out->push_back(at + "restartPolicyRules");
  if (limits_disk(c)) out->push_back(at + "limits.ephemeral-storage");
  look_at(c.security_context(), at, out);
}

}  // namespace

DesiredPod read_pod(const Object& pod) {
  const auto* root = pod.as<core::v1::Pod>();
  DesiredPod out;
  out.ns = pod.ns();
  out.name = pod.name();
  out.uid = pod.uid();
  out.terminating = pod.terminating();
  if (const PodSpec* spec = root->spec()) {
    if (spec->restart_policy()) out.restart_policy = spec->restart_policy()->str();
    out.grace_seconds = spec->termination_grace_period_seconds().value_or(30);
    out.deadline_seconds = spec->active_deadline_seconds().value_or(0);
    add_containers(spec->init_containers(), true, &out);
    add_containers(spec->containers(), false, &out);
  }
  if (auto grace = pod.meta().deletion_grace_period_seconds()) out.grace_seconds = *grace;
  if (const auto* status = root->status()) {
    std::string phase = text(status->phase());
    out.finished = phase == "Succeeded" || phase == "Failed";
    out.started_at = status->start_time().value_or(0) * kSecond;
  }
  return out;
}

const Container* container_of(const Object& pod, std::string_view name) {
  const PodSpec* spec = pod.as<core::v1::Pod>()->spec();
  if (!spec) return nullptr;
  for (const auto* list : {spec->containers(), spec->init_containers()}) {
    if (!list) continue;
    for (const Container* c : *list) {
      if (c->name() && c->name()->string_view() == name) return c;
    }
  }
  return nullptr;
}

std::vector<std::string> not_acted_on(const Object& pod) {
  std::vector<std::string> out;
  const PodSpec* spec = pod.as<core::v1::Pod>()->spec();
  if (!spec) return out;
  for (const auto* list : {spec->init_containers(), spec->containers()}) {
    if (!list) continue;
    for (const Container* c : *list) look_at(*c, &out);
  }
  if (any(spec->ephemeral_containers())) out.push_back("ephemeralContainers");
  if (spec->resources()) out.push_back("resources of the whole Pod");
  if (spec->scheduling_group()) out.push_back("schedulingGroup");
  look_at(spec->security_context(), "", &out);
  if (!spec->volumes()) return out;
  for (const auto* v : *spec->volumes()) {
    const auto* e = v->empty_dir();
    if (e && e->size_limit() && text(e->medium()).empty())
      out.push_back("volume " + text(v->name()) + ": sizeLimit on the disk");
  }
  return out;
}

}  // namespace kubus::kubelet
