// What the runtime is told to make of a Pod. Pure but for paths.
#pragma once

#include <map>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/pods/environment.h"
#include "agents/kubelet/pods/network.h"
#include "agents/kubelet/pods/plan.h"
#include "agents/kubelet/pods/references.h"

namespace kubus::kubelet {

struct Identity {
  std::string cluster, node, address;
  std::string state_dir;  // "" : nothing of Pods is on disk, neither volumes nor logs
  ClusterDns dns = {};
  DnsConfig node_dns = {};
  int64_t cpu_milli = 0, memory_bytes = 0;  // of the node

  // Everything that this kubelet made, and nothing else, has these labels.
  Labels labels() const { return {{kCluster, cluster}, {kNode, node}}; }
  bool on_disk() const { return !state_dir.empty(); }
  std::string pod_dir(const std::string& uid) const { return state_dir + "/pods/" + uid; }
  std::string log_dir(const std::string& uid) const { return pod_dir(uid) + "/logs"; }
  std::string hosts_path(const std::string& uid) const { return pod_dir(uid) + "/hosts"; }
};

SandboxConfig sandbox_config(const Object& pod, const Identity& identity, uint32_t attempt);

// `image` is what was found for it. kInvalid, kNotFound: it cannot be made as it is written; the
// message says why.
struct ContainerInput {
  const Object& pod;
  std::string name;
  Image image;
  uint32_t attempt = 0;
  int streak = 0;
  const PodFacts& facts;
  const Lookup& lookup;
  const std::map<std::string, std::string>& volumes;  // host path by volume name
  const Environment& links;                           // of Services
};
Result<ContainerConfig> container_config(const ContainerInput& input, const Identity& identity);
// The file that the container leaves its last words in.
std::string termination_path(const Identity& identity, const std::string& uid,
                             const std::string& container, uint32_t attempt);

}  // namespace kubus::kubelet
