#include "agents/kubelet/pods/configs.h"

#include <algorithm>

#include "agents/kubelet/pods/desired.h"
#include "agents/kubelet/pods/security.h"
#include "agents/kubelet/volumes/volumes.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

using core::v1::Container;
using core::v1::PodSpec;

constexpr const char* kHosts = "/etc/hosts";

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

template <class List>
std::vector<std::string> texts(const List* list) {
  std::vector<std::string> out;
  if (!list) return out;
  for (const auto* s : *list) out.push_back(s->str());
  return out;
}

Labels labels_of(const Object& pod, const Identity& identity) {
  Labels out = identity.labels();
  out[kPodName] = pod.name();
  out[kPodNamespace] = pod.ns();
  out[kPodUid] = pod.uid();
  return out;
}

std::string grace_of(const PodSpec& spec) {
  return std::to_string(spec.termination_grace_period_seconds().value_or(30));
}

bool privileged(const Container& c) {
  return c.security_context() && c.security_context()->privileged().value_or(false);
}

void add_ports(const Container& c, SandboxConfig* out) {
  if (!c.ports()) return;
  for (const auto* p : *c.ports()) {
    if (p->host_port().value_or(0) == 0) continue;
    std::string protocol = text(p->protocol());
    out->ports.push_back({protocol.empty() ? "TCP" : protocol, p->container_port().value_or(0),
                          *p->host_port(), text(p->host_ip())});
  }
}

bool is_mounted(const std::vector<Mount>& mounts, const std::string& path) {
  return std::any_of(mounts.begin(), mounts.end(),
                     [&](const Mount& m) { return m.container_path == path; });
}

Status check_mounts(const std::vector<Mount>& mounts, const Security& security) {
  for (const Mount& m : mounts) {
    if (m.propagation == Mount::Propagation::kBidirectional && !security.privileged)
      return Error(Code::kInvalid, "mountPropagation Bidirectional at " + m.container_path +
                                       " is for privileged containers only");
  }
  return {};
}

}  // namespace

SandboxConfig sandbox_config(const Object& pod, const Identity& identity, uint32_t attempt) {
  const PodSpec& spec = *pod.as<core::v1::Pod>()->spec();
  SandboxConfig out;
  out.name = pod.name();
  out.uid = pod.uid();
  out.ns = pod.ns();
  out.attempt = attempt;
  out.sharing = sharing_of(spec);
  auto hostname = hostname_of(pod, identity.dns);
  if (hostname) out.hostname = *std::move(hostname);
  out.log_directory = identity.log_dir(out.uid);
  out.labels = labels_of(pod, identity);
  if (const auto* said = pod.meta().annotations()) {
    for (const auto* e : *said) out.annotations[e->key()->str()] = text(e->value());
  }
  out.annotations[kGrace] = grace_of(spec);
  out.dns = dns_of(pod, identity.dns, identity.node_dns);
  if (const auto* s = spec.security_context(); s && s->sysctls()) {
    for (const auto* entry : *s->sysctls()) out.sysctls[text(entry->name())] = text(entry->value());
  }
  for (const auto* list : {spec.init_containers(), spec.containers()}) {
    if (!list) continue;
    for (const Container* c : *list) {
      if (!out.sharing.host_network) add_ports(*c, &out);
      out.privileged |= privileged(*c);
    }
  }
  return out;
}

std::string termination_path(const Identity& identity, const std::string& uid,
                             const std::string& container, uint32_t attempt) {
  return identity.pod_dir(uid) + "/last-words/" + container + "." + std::to_string(attempt);
}

Result<ContainerConfig> container_config(const ContainerInput& in, const Identity& identity) {
  const PodSpec& spec = *in.pod.as<core::v1::Pod>()->spec();
  const Container* c = container_of(in.pod, in.name);
  if (!c) return Error(Code::kInvalid, "the Pod has no container " + in.name);
  auto environment = environment_of(in.pod, *c, in.facts, in.lookup, in.links);
  if (!environment) return environment.error();
  auto mounts = mounts_of(in.pod, *c, in.volumes, *environment);
  if (!mounts) return mounts.error();
  auto security = security_of(spec, *c, in.image, identity.state_dir + "/seccomp");
  if (!security) return security.error();
  if (Status s = check_mounts(*mounts, *security); !s) return s.error();
  ContainerConfig out;
  out.name = in.name;
  out.attempt = in.attempt;
  out.image = in.image.id;
  out.environment = *std::move(environment);
  out.command = expand_all(texts(c->command()), out.environment);
  out.args = expand_all(texts(c->args()), out.environment);
  out.working_dir = text(c->working_dir());
  out.mounts = *std::move(mounts);
  if (!is_mounted(out.mounts, kHosts))
    out.mounts.push_back({kHosts, identity.hosts_path(std::string(in.pod.uid()))});
  std::string words = text(c->termination_message_path());
  if (!words.empty())
    out.mounts.push_back(
        {words, termination_path(identity, std::string(in.pod.uid()), in.name, in.attempt)});
  out.labels = labels_of(in.pod, identity);
  out.labels[kContainerName] = in.name;
  out.annotations[kStreak] = std::to_string(in.streak);
  out.annotations[kGrace] = grace_of(spec);
  out.annotations[kImage] = text(c->image());
  out.log_path = in.name + "/" + std::to_string(in.attempt) + ".log";
  out.stdin_open = c->stdin().value_or(false);
  out.stdin_once = c->stdin_once().value_or(false);
  out.tty = c->tty().value_or(false);
  out.resources = resources_of(in.pod, *c, identity.memory_bytes);
  out.security = *std::move(security);
  return out;
}

}  // namespace kubus::kubelet
