#include "agents/kubelet/pods/configs.h"

#include <algorithm>

#include "agents/kubelet/pods/desired.h"
#include "agents/kubelet/volumes/volumes.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/quantity.h"

namespace kubus::kubelet {
namespace {

using core::v1::Container;
using core::v1::PodSpec;

constexpr int64_t kCpuPeriodUs = 100'000, kLeastQuotaUs = 1000;
constexpr int64_t kSharesPerCpu = 1024, kLeastShares = 2;
constexpr int64_t kOomBestEffort = 1000;
constexpr size_t kMostHostname = 63;

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

Sharing sharing_of(const PodSpec& spec) {
  return {spec.host_network().value_or(false), spec.host_pid().value_or(false),
          spec.host_ipc().value_or(false), spec.share_process_namespace().value_or(false)};
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

std::optional<DnsConfig> dns_of(const PodSpec& spec) {
  const auto* dns = spec.dns_config();
  if (!dns) return std::nullopt;
  DnsConfig out{texts(dns->nameservers()), texts(dns->searches()), {}};
  if (dns->options()) {
    for (const auto* o : *dns->options()) {
      std::string value = text(o->value());
      out.options.push_back(text(o->name()) + (value.empty() ? "" : ":" + value));
    }
  }
  return out;
}

std::optional<Quantity> amount(
    const flatbuffers::Vector<flatbuffers::Offset<meta::v1::QuantityEntry>>* map,
    std::string_view name) {
  if (!map) return std::nullopt;
  for (const auto* e : *map) {
    if (e->key() && e->key()->string_view() == name && e->value())
      return Quantity::parse(e->value()->string_view());
  }
  return std::nullopt;
}

Resources resources_of(const Container& c) {
  Resources out;
  const auto* r = c.resources();
  auto request = r ? amount(r->requests(), "cpu") : std::nullopt;
  auto limit = r ? amount(r->limits(), "cpu") : std::nullopt;
  auto memory = r ? amount(r->limits(), "memory") : std::nullopt;
  if (!request) request = limit;
  int64_t milli = request ? request->milli() : 0;
  out.cpu_shares = std::max(kLeastShares, milli * kSharesPerCpu / 1000);
  if (limit && !limit->is_zero()) {
    out.cpu_period_us = kCpuPeriodUs;
    out.cpu_quota_us = std::max(kLeastQuotaUs, limit->milli() * kCpuPeriodUs / 1000);
  }
  if (memory) out.memory_limit_bytes = memory->units();
  if (!r || (!r->requests() && !r->limits())) out.oom_score_adj = kOomBestEffort;
  return out;
}

void add_pod_security(const PodSpec& spec, Security* out) {
  const auto* s = spec.security_context();
  if (!s) return;
  if (s->run_as_user()) out->run_as_user = *s->run_as_user();
  if (s->run_as_group()) out->run_as_group = *s->run_as_group();
  if (s->supplemental_groups())
    out->supplemental_groups.assign(s->supplemental_groups()->begin(),
                                    s->supplemental_groups()->end());
  if (s->fs_group()) out->supplemental_groups.push_back(*s->fs_group());
  if (s->seccomp_profile()) out->unconfined = text(s->seccomp_profile()->type()) == "Unconfined";
}

Result<Security> security_of(const PodSpec& spec, const Container& c, const Image& image) {
  Security out;
  out.sharing = sharing_of(spec);
  out.unconfined = true;
  add_pod_security(spec, &out);
  const auto* pod = spec.security_context();
  bool non_root = pod && pod->run_as_non_root().value_or(false);
  if (const auto* s = c.security_context()) {
    out.privileged = s->privileged().value_or(false);
    out.read_only_root = s->read_only_root_filesystem().value_or(false);
    out.no_new_privileges = !s->allow_privilege_escalation().value_or(true);
    if (s->run_as_user()) out.run_as_user = *s->run_as_user();
    if (s->run_as_group()) out.run_as_group = *s->run_as_group();
    if (s->run_as_non_root()) non_root = *s->run_as_non_root();
    if (s->capabilities()) {
      out.add_capabilities = texts(s->capabilities()->add());
      out.drop_capabilities = texts(s->capabilities()->drop());
    }
    if (s->seccomp_profile()) out.unconfined = text(s->seccomp_profile()->type()) == "Unconfined";
  }
  if (!non_root) return out;
  bool named = !out.run_as_user && !image.user.empty();
  if (out.run_as_user.value_or(image.uid.value_or(0)) == 0 && !named)
    return Error(Code::kInvalid, "runAsNonRoot is set, and the container would run as root");
  return out;
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
  std::string hostname = text(spec.hostname());
  if (hostname.empty()) hostname = std::string(pod.name()).substr(0, kMostHostname);
  while (!hostname.empty() && (hostname.back() == '-' || hostname.back() == '.'))
    hostname.pop_back();
  if (!out.sharing.host_network) out.hostname = hostname;
  out.log_directory = identity.log_dir(out.uid);
  out.labels = labels_of(pod, identity);
  out.annotations[kGrace] = grace_of(spec);
  out.dns = dns_of(spec);
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
  auto environment = environment_of(in.pod, *c, in.facts, in.lookup);
  if (!environment) return environment.error();
  auto mounts = mounts_of(*c, in.volumes);
  if (!mounts) return mounts.error();
  auto security = security_of(spec, *c, in.image);
  if (!security) return security.error();
  ContainerConfig out;
  out.name = in.name;
  out.attempt = in.attempt;
  out.image = in.image.id;
  out.environment = *std::move(environment);
  out.command = expand_all(texts(c->command()), out.environment);
  out.args = expand_all(texts(c->args()), out.environment);
  out.working_dir = text(c->working_dir());
  out.mounts = *std::move(mounts);
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
  out.resources = resources_of(*c);
  out.security = *std::move(security);
  return out;
}

}  // namespace kubus::kubelet
