#include "agents/kubelet/pods/security.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/quantity.h"

namespace kubus::kubelet {
namespace {

using core::v1::Container;
using core::v1::PodSpec;
using core::v1::SeccompProfile;

constexpr int64_t kCpuPeriodUs = 100'000, kLeastQuotaUs = 1000;
constexpr int64_t kSharesPerCpu = 1024, kLeastShares = 2, kMostShares = 262'144;
constexpr int64_t kOomBestEffort = 1000, kOomGuaranteed = -997, kOomLeastBurstable = 3;
constexpr int32_t kCriticalPriority = 2'000'000'000;

// Those that reach no further than the Pod's own namespaces.
constexpr std::array<std::string_view, 12> kSafeSysctls = {
    "kernel.shm_rmid_forced",           "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",        "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",     "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",      "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",          "net.ipv4.tcp_wmem"};

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

Error refused(const std::string& why) {
  return Error(Code::kInvalid, why);
}

// ---- rights ----

void add_pod(const PodSpec& spec, Security* out) {
  const auto* s = spec.security_context();
  if (!s) return;
  if (s->run_as_user()) out->run_as_user = *s->run_as_user();
  if (s->run_as_group()) out->run_as_group = *s->run_as_group();
  if (s->supplemental_groups())
    out->supplemental_groups.assign(s->supplemental_groups()->begin(),
                                    s->supplemental_groups()->end());
  if (s->fs_group()) out->supplemental_groups.push_back(*s->fs_group());
}

void add_own(const core::v1::SecurityContext& s, Security* out) {
  out->privileged = s.privileged().value_or(false);
  out->read_only_root = s.read_only_root_filesystem().value_or(false);
  out->no_new_privileges = !s.allow_privilege_escalation().value_or(true);
  out->unmasked = text(s.proc_mount()) == "Unmasked";
  if (s.run_as_user()) out->run_as_user = *s.run_as_user();
  if (s.run_as_group()) out->run_as_group = *s.run_as_group();
  if (!s.capabilities()) return;
  out->add_capabilities = texts(s.capabilities()->add());
  out->drop_capabilities = texts(s.capabilities()->drop());
}

Status set_seccomp(const PodSpec& spec, const Container& c, const std::string& profiles,
                   Security* out) {
  const SeccompProfile* profile = nullptr;
  if (spec.security_context()) profile = spec.security_context()->seccomp_profile();
  if (c.security_context() && c.security_context()->seccomp_profile())
    profile = c.security_context()->seccomp_profile();
  std::string type = profile ? text(profile->type()) : "Unconfined";
  out->unconfined = type == "Unconfined";
  if (type != "Localhost") return {};
  std::string name = text(profile->localhost_profile()), path = profiles + "/" + name;
  std::error_code code;
  bool inside = !name.empty() && name[0] != '/' && name.find("..") == std::string::npos;
  if (!inside || !std::filesystem::is_regular_file(path, code))
    return refused("seccompProfile: there is no profile \"" + name + "\" in " + profiles);
  out->seccomp_profile = path;
  return {};
}

// Rules that need to know whom the image runs as.
Status set_user(const PodSpec& spec, const Container& c, const Image& image, Security* out) {
  const auto* pod = spec.security_context();
  const auto* own = c.security_context();
  bool non_root = pod && pod->run_as_non_root().value_or(false);
  if (own && own->run_as_non_root()) non_root = *own->run_as_non_root();
  if (non_root && !out->run_as_user && !image.user.empty())
    return refused("runAsNonRoot is set, and the image's user \"" + image.user +
                   "\" is a name that cannot be checked; set runAsUser to its number");
  if (non_root && out->run_as_user.value_or(image.uid.value_or(0)) == 0)
    return refused(
        "runAsNonRoot is set, and the container would run as root; set runAsUser, or "
        "take an image with another user");
  // A group alone means nothing to the runtime.
  if (!out->run_as_group || out->run_as_user) return {};
  if (!image.user.empty()) {
    out->run_as_username = image.user;
  } else {
    out->run_as_user = image.uid.value_or(0);
  }
  return {};
}

// ---- amounts ----

using Amounts = flatbuffers::Vector<flatbuffers::Offset<meta::v1::QuantityEntry>>;

std::optional<Quantity> amount(const Amounts* map, std::string_view name) {
  if (!map) return std::nullopt;
  for (const auto* e : *map) {
    if (e->key() && e->key()->string_view() == name && e->value())
      return Quantity::parse(e->value()->string_view());
  }
  return std::nullopt;
}

int64_t oom_score(const Object& pod, const std::optional<Quantity>& memory, int64_t node_memory) {
  const auto* root = pod.as<core::v1::Pod>();
  std::string quality = root->status() ? text(root->status()->qos_class()) : "";
  bool critical = root->spec()->priority().value_or(0) >= kCriticalPriority;
  if (quality == "Guaranteed" || critical) return kOomGuaranteed;
  if (quality == "BestEffort" || (quality.empty() && !memory)) return kOomBestEffort;
  double share = memory && node_memory > 0
                     ? static_cast<double>(memory->units()) / static_cast<double>(node_memory)
                     : 0;
  auto score = static_cast<int64_t>(kOomBestEffort * (1 - std::min(share, 1.0)));
  return std::clamp(score, kOomLeastBurstable, kOomBestEffort - 1);
}

// ---- refusals ----

Status check_sysctls(const PodSpec& spec) {
  const auto* s = spec.security_context();
  if (!s || !s->sysctls()) return {};
  for (const auto* entry : *s->sysctls()) {
    std::string name = text(entry->name());
    std::replace(name.begin(), name.end(), '/', '.');
    bool net = name.rfind("net.", 0) == 0;
    if (std::find(kSafeSysctls.begin(), kSafeSysctls.end(), name) == kSafeSysctls.end())
      return refused("the sysctl " + name + " is not one of those that are safe for a Pod");
    if ((net && spec.host_network().value_or(false)) || (!net && spec.host_ipc().value_or(false)))
      return refused("the sysctl " + name + " would change the node: the Pod shares its namespace");
  }
  return {};
}

Status check_resources(const Container& c) {
  if (!c.resources()) return {};
  for (const Amounts* list : {c.resources()->limits(), c.resources()->requests()}) {
    if (!list) continue;
    for (const auto* e : *list) {
      std::string name = text(e->key());
      if (name == "cpu" || name == "memory" || name == "ephemeral-storage") continue;
      auto wanted = Quantity::parse(text(e->value()));
      if (wanted && !wanted->is_zero())
        return refused("container " + text(c.name()) + " asks for " + name +
                       ", which this node does not have");
    }
  }
  return {};
}

template <class Context>
Status check_apparmor(const Context* context, const std::string& at) {
  const auto* profile = context ? context->app_armor_profile() : nullptr;
  if (!profile || text(profile->type()) == "Unconfined") return {};
  return refused(at + "appArmorProfile is not supported; leave it out, or set it to Unconfined");
}

Status check_pod(const PodSpec& spec) {
  if (spec.os() && text(spec.os()->name()) != "linux")
    return refused("the Pod wants the operating system " + text(spec.os()->name()) +
                   ", and this node runs linux");
  if (!text(spec.runtime_class_name()).empty())
    return refused("runtimeClassName is not supported; leave it out");
  if (!spec.host_users().value_or(true))
    return refused("hostUsers: false is not supported: this node makes no user namespaces");
  if (spec.resource_claims() && spec.resource_claims()->size() > 0)
    return refused("resourceClaims are not supported");
  const auto* s = spec.security_context();
  if (s && text(s->supplemental_groups_policy()) == "Strict")
    return refused("supplementalGroupsPolicy Strict is not supported by this node's runtime");
  if (Status bad = check_apparmor(s, ""); !bad) return bad;
  return check_sysctls(spec);
}

}  // namespace

Sharing sharing_of(const PodSpec& spec) {
  return {spec.host_network().value_or(false), spec.host_pid().value_or(false),
          spec.host_ipc().value_or(false), spec.share_process_namespace().value_or(false)};
}

Result<Security> security_of(const PodSpec& spec, const Container& c, const Image& image,
                             const std::string& profiles) {
  Security out;
  out.sharing = sharing_of(spec);
  add_pod(spec, &out);
  if (c.security_context()) add_own(*c.security_context(), &out);
  if (Status s = set_seccomp(spec, c, profiles, &out); !s) return s.error();
  if (Status s = set_user(spec, c, image, &out); !s) return s.error();
  return out;
}

Resources resources_of(const Object& pod, const Container& c, int64_t node_memory) {
  Resources out;
  const auto* r = c.resources();
  auto request = r ? amount(r->requests(), "cpu") : std::nullopt;
  auto limit = r ? amount(r->limits(), "cpu") : std::nullopt;
  auto memory = r ? amount(r->limits(), "memory") : std::nullopt;
  auto least_memory = r ? amount(r->requests(), "memory") : std::nullopt;
  if (!request) request = limit;
  int64_t milli = request ? request->milli() : 0;
  out.cpu_shares = std::clamp(milli * kSharesPerCpu / 1000, kLeastShares, kMostShares);
  if (limit && !limit->is_zero()) {
    out.cpu_period_us = kCpuPeriodUs;
    out.cpu_quota_us = std::max(kLeastQuotaUs, limit->milli() * kCpuPeriodUs / 1000);
  }
  if (memory) out.memory_limit_bytes = memory->units();
  out.oom_score_adj = oom_score(pod, least_memory ? least_memory : memory, node_memory);
  return out;
}

Status refusal_of(const Object& pod) {
  const PodSpec* spec = pod.as<core::v1::Pod>()->spec();
  if (!spec) return refused("the Pod has no spec");
  if (Status s = check_pod(*spec); !s) return s;
  for (const auto* list : {spec->init_containers(), spec->containers()}) {
    if (!list) continue;
    for (const Container* c : *list) {
      if (Status s = check_resources(*c); !s) return s;
      if (Status s = check_apparmor(c->security_context(), "container " + text(c->name()) + ": ");
          !s)
        return s;
    }
  }
  return {};
}

}  // namespace kubus::kubelet
