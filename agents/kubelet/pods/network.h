// What a Pod's containers see of names: their own, /etc/hosts, the resolver. Pure but for the
// node's own files.
#pragma once

#include <optional>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::kubelet {

// The cluster's own resolver. server "" : there is none (yet).
struct ClusterDns {
  std::string server, domain = "cluster.local";
};

// The node's resolver: /etc/resolv.conf, or what stands behind a resolver on loopback, which Pods
// cannot reach.
DnsConfig read_node_dns();
DnsConfig parse_resolv_conf(const std::string& text);

// By dnsPolicy and dnsConfig. nullopt: the runtime gives it the node's own file. Without a cluster
// resolver ClusterFirst is the node's.
std::optional<DnsConfig> dns_of(const Object& pod, const ClusterDns& cluster,
                                const DnsConfig& node);

// The host name that the containers see; at most 63 characters, 64 with setHostnameAsFQDN. "" on
// the node's network. kInvalid: the full name is too long.
Result<std::string> hostname_of(const Object& pod, const ClusterDns& cluster);

// /etc/hosts of the containers; `node_hosts`: the node's own, which those on its network see.
std::string hosts_text(const Object& pod, const std::string& pod_ip, const ClusterDns& cluster,
                       const std::string& node_hosts);

}  // namespace kubus::kubelet
