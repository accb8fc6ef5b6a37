#include "agents/kubelet/cri/convert.h"

namespace kubus::kubelet::cri {
namespace {

// What of the kernel a container neither sees nor changes.
constexpr const char* kMasked[] = {
    "/proc/acpi",        "/proc/asound",  "/proc/interrupts",
    "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi",    "/proc/timer_list",
    "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"};
constexpr const char* kReadOnly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                     "/proc/sysrq-trigger"};

template <class Repeated>
void add_all(const std::vector<std::string>& from, Repeated* to) {
  for (const std::string& s : from) *to->Add() = s;
}

Labels labels_of(const google::protobuf::Map<std::string, std::string>& from) {
  return Labels(from.begin(), from.end());
}

pb::NamespaceMode mode(bool node, pb::NamespaceMode otherwise) {
  return node ? pb::NODE : otherwise;
}

void fill(const Sharing& from, pb::NamespaceOption* to) {
  to->set_network(mode(from.host_network, pb::POD));
  to->set_ipc(mode(from.host_ipc, pb::POD));
  to->set_pid(mode(from.host_pid, from.pod_pid ? pb::POD : pb::CONTAINER));
}

void fill(const PortMapping& from, pb::PortMapping* to) {
  to->set_protocol(from.protocol == "UDP" ? pb::UDP : from.protocol == "SCTP" ? pb::SCTP : pb::TCP);
  to->set_container_port(from.container_port);
  to->set_host_port(from.host_port);
  to->set_host_ip(from.host_ip);
}

void fill(const Mount& from, pb::Mount* to) {
  to->set_container_path(from.container_path);
  to->set_host_path(from.host_path);
  to->set_readonly(from.read_only);
  to->set_propagation(static_cast<pb::MountPropagation>(from.propagation));
}

void fill(const Security& from, pb::LinuxContainerSecurityContext* to) {
  to->set_privileged(from.privileged);
  to->set_readonly_rootfs(from.read_only_root);
  to->set_no_new_privs(from.no_new_privileges);
  if (from.run_as_user) to->mutable_run_as_user()->set_value(*from.run_as_user);
  if (from.run_as_group) to->mutable_run_as_group()->set_value(*from.run_as_group);
  to->set_run_as_username(from.run_as_username);
  for (int64_t group : from.supplemental_groups) to->add_supplemental_groups(group);
  add_all(from.add_capabilities, to->mutable_capabilities()->mutable_add_capabilities());
  add_all(from.drop_capabilities, to->mutable_capabilities()->mutable_drop_capabilities());
  fill(from.sharing, to->mutable_namespace_options());
  auto profile =
      from.unconfined ? pb::SecurityProfile::Unconfined : pb::SecurityProfile::RuntimeDefault;
  if (!from.seccomp_profile.empty()) profile = pb::SecurityProfile::Localhost;
  to->mutable_seccomp()->set_profile_type(profile);
  to->mutable_seccomp()->set_localhost_ref(from.seccomp_profile);
  if (from.unmasked || from.privileged) return;
  // Without a list the runtime hides nothing.
  for (const char* path : kMasked) to->add_masked_paths(path);
  for (const char* path : kReadOnly) to->add_readonly_paths(path);
}

}  // namespace

void fill(const Labels& from, google::protobuf::Map<std::string, std::string>* to) {
  for (const auto& [key, value] : from) (*to)[key] = value;
}

void fill(const Resources& from, pb::LinuxContainerResources* to) {
  to->set_cpu_period(from.cpu_period_us);
  to->set_cpu_quota(from.cpu_quota_us);
  to->set_cpu_shares(from.cpu_shares);
  to->set_memory_limit_in_bytes(from.memory_limit_bytes);
  to->set_oom_score_adj(from.oom_score_adj);
}

void fill(const SandboxConfig& from, pb::PodSandboxConfig* to) {
  auto* meta = to->mutable_metadata();
  meta->set_name(from.name);
  meta->set_uid(from.uid);
  meta->set_namespace_(from.ns);
  meta->set_attempt(from.attempt);
  to->set_hostname(from.hostname);
  to->set_log_directory(from.log_directory);
  if (from.dns) {
    add_all(from.dns->servers, to->mutable_dns_config()->mutable_servers());
    add_all(from.dns->searches, to->mutable_dns_config()->mutable_searches());
    add_all(from.dns->options, to->mutable_dns_config()->mutable_options());
  }
  for (const PortMapping& port : from.ports) fill(port, to->add_port_mappings());
  fill(from.labels, to->mutable_labels());
  fill(from.annotations, to->mutable_annotations());
  auto* linux_part = to->mutable_linux();
  linux_part->set_cgroup_parent(from.cgroup_parent);
  fill(from.sysctls, linux_part->mutable_sysctls());
  fill(from.sharing, linux_part->mutable_security_context()->mutable_namespace_options());
  linux_part->mutable_security_context()->set_privileged(from.privileged);
}

void fill(const ContainerConfig& from, pb::ContainerConfig* to) {
  to->mutable_metadata()->set_name(from.name);
  to->mutable_metadata()->set_attempt(from.attempt);
  to->mutable_image()->set_image(from.image);
  add_all(from.command, to->mutable_command());
  add_all(from.args, to->mutable_args());
  to->set_working_dir(from.working_dir);
  for (const auto& [name, value] : from.environment) {
    auto* env = to->add_envs();
    env->set_key(name);
    env->set_value(value);
  }
  for (const Mount& mount : from.mounts) fill(mount, to->add_mounts());
  fill(from.labels, to->mutable_labels());
  fill(from.annotations, to->mutable_annotations());
  to->set_log_path(from.log_path);
  to->set_stdin(from.stdin_open);
  to->set_stdin_once(from.stdin_once);
  to->set_tty(from.tty);
  fill(from.resources, to->mutable_linux()->mutable_resources());
  fill(from.security, to->mutable_linux()->mutable_security_context());
}

SandboxStatus from(const pb::PodSandboxStatus& s) {
  SandboxStatus out{s.id(), s.metadata().name(), s.metadata().uid(), s.metadata().namespace_()};
  out.attempt = s.metadata().attempt();
  out.ready = s.state() == pb::SANDBOX_READY;
  out.created_at = s.created_at();
  if (!s.network().ip().empty()) out.ips.push_back(s.network().ip());
  for (const auto& more : s.network().additional_ips()) out.ips.push_back(more.ip());
  out.labels = labels_of(s.labels());
  out.annotations = labels_of(s.annotations());
  return out;
}

SandboxStatus from(const pb::PodSandbox& s) {
  SandboxStatus out{s.id(), s.metadata().name(), s.metadata().uid(), s.metadata().namespace_()};
  out.attempt = s.metadata().attempt();
  out.ready = s.state() == pb::SANDBOX_READY;
  out.created_at = s.created_at();
  out.labels = labels_of(s.labels());
  out.annotations = labels_of(s.annotations());
  return out;
}

ContainerStatus from(const pb::ContainerStatus& s) {
  ContainerStatus out;
  out.id = s.id();
  out.name = s.metadata().name();
  out.attempt = s.metadata().attempt();
  out.state = static_cast<ContainerState>(s.state());
  out.created_at = s.created_at();
  out.labels = labels_of(s.labels());
  out.annotations = labels_of(s.annotations());
  out.image = s.image().image();
  out.image_ref = s.image_ref();
  out.started_at = s.started_at();
  out.finished_at = s.finished_at();
  out.exit_code = s.exit_code();
  out.reason = s.reason();
  out.message = s.message();
  return out;
}

ContainerStatus from(const pb::Container& s) {
  ContainerStatus out;
  out.id = s.id();
  out.sandbox_id = s.pod_sandbox_id();
  out.name = s.metadata().name();
  out.attempt = s.metadata().attempt();
  out.state = static_cast<ContainerState>(s.state());
  out.created_at = s.created_at();
  out.labels = labels_of(s.labels());
  out.annotations = labels_of(s.annotations());
  out.image = s.image().image();
  out.image_ref = s.image_ref();
  return out;
}

Image from(const pb::Image& i) {
  Image out;
  out.id = i.id();
  out.tags.assign(i.repo_tags().begin(), i.repo_tags().end());
  out.digests.assign(i.repo_digests().begin(), i.repo_digests().end());
  out.size = i.size();
  if (i.has_uid()) out.uid = i.uid().value();
  out.user = i.username();
  return out;
}

Usage from(const pb::ContainerStats& s) {
  Usage out;
  out.container_id = s.attributes().id();
  out.labels = labels_of(s.attributes().labels());
  out.at = s.cpu().timestamp();
  out.cpu_ns = s.cpu().usage_core_nano_seconds().value();
  out.memory_bytes = s.memory().working_set_bytes().value();
  return out;
}

RuntimeState from(const pb::RuntimeStatus& s) {
  RuntimeState out;
  for (const auto& c : s.conditions()) {
    if (c.type() == "RuntimeReady") out.runtime_ready = c.status();
    if (c.type() == "NetworkReady") out.network_ready = c.status();
    if (!c.status() && out.message.empty())
      out.message = c.message().empty() ? c.reason() : c.message();
  }
  return out;
}

}  // namespace kubus::kubelet::cri
