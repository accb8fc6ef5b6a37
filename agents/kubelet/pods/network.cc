#include "agents/kubelet/pods/network.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

using core::v1::PodSpec;

constexpr size_t kMostHostname = 63, kMostFullName = 64;
constexpr size_t kMostServers = 3, kMostSearches = 32;

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

std::string read_all(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

const PodSpec& spec_of(const Object& pod) {
  return *pod.as<core::v1::Pod>()->spec();
}

void add_new(const std::string& word, std::vector<std::string>* to) {
  if (std::find(to->begin(), to->end(), word) == to->end()) to->push_back(word);
}

template <class List>
void add_all(const List* from, std::vector<std::string>* to) {
  if (!from) return;
  for (const auto* s : *from) add_new(s->str(), to);
}

std::string name_of_option(const std::string& option) {
  return option.substr(0, option.find(':'));
}

void add_config(const core::v1::PodDNSConfig& config, DnsConfig* out) {
  add_all(config.nameservers(), &out->servers);
  add_all(config.searches(), &out->searches);
  if (!config.options()) return;
  for (const auto* o : *config.options()) {
    std::string name = text(o->name()), value = text(o->value());
    std::erase_if(out->options, [&](const std::string& x) { return name_of_option(x) == name; });
    out->options.push_back(value.empty() ? name : name + ":" + value);
  }
}

DnsConfig cluster_dns(std::string_view ns, const ClusterDns& cluster, const DnsConfig& node) {
  std::string services = "svc." + cluster.domain;
  DnsConfig out{
      {cluster.server}, {std::string(ns) + "." + services, services, cluster.domain}, {"ndots:5"}};
  for (const std::string& s : node.searches) add_new(s, &out.searches);
  return out;
}

bool on_node_network(const PodSpec& spec) {
  return spec.host_network().value_or(false);
}

std::string short_name(const Object& pod) {
  const PodSpec& spec = spec_of(pod);
  std::string name = text(spec.hostname_override());
  if (name.empty()) name = text(spec.hostname());
  if (name.empty()) name = std::string(pod.name()).substr(0, kMostHostname);
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  return name;
}

// "" : the Pod is in no subdomain.
std::string full_name(const Object& pod, const ClusterDns& cluster) {
  std::string subdomain = text(spec_of(pod).subdomain());
  if (subdomain.empty()) return "";
  return short_name(pod) + "." + subdomain + "." + std::string(pod.ns()) + ".svc." + cluster.domain;
}

}  // namespace

DnsConfig parse_resolv_conf(const std::string& content) {
  DnsConfig out;
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword, word;
    words >> keyword;
    if (keyword == "search" || keyword == "domain") out.searches.clear();
    while (words >> word) {
      if (word[0] == '#' || word[0] == ';') break;
      if (keyword == "nameserver") out.servers.push_back(word);
      if (keyword == "search" || keyword == "domain") out.searches.push_back(word);
      if (keyword == "options") out.options.push_back(word);
    }
  }
  return out;
}

DnsConfig read_node_dns() {
  DnsConfig usual = parse_resolv_conf(read_all("/etc/resolv.conf"));
  bool loopback = std::all_of(usual.servers.begin(), usual.servers.end(),
                              [](const std::string& s) { return s.rfind("127.", 0) == 0; });
  if (!loopback) return usual;
  DnsConfig behind = parse_resolv_conf(read_all("/run/systemd/resolve/resolv.conf"));
  return behind.servers.empty() ? usual : behind;
}

std::optional<DnsConfig> dns_of(const Object& pod, const ClusterDns& cluster,
                                const DnsConfig& node) {
  const PodSpec& spec = spec_of(pod);
  std::string policy = text(spec.dns_policy());
  bool first = policy == "ClusterFirstWithHostNet" ||
               ((policy == "ClusterFirst" || policy.empty()) && !on_node_network(spec));
  DnsConfig out;
  if (policy != "None")
    out = first && !cluster.server.empty() ? cluster_dns(pod.ns(), cluster, node) : node;
  if (spec.dns_config()) add_config(*spec.dns_config(), &out);
  if (out.servers.size() > kMostServers) out.servers.resize(kMostServers);
  if (out.searches.size() > kMostSearches) out.searches.resize(kMostSearches);
  if (out.servers.empty() && out.searches.empty() && out.options.empty()) return std::nullopt;
  return out;
}

Result<std::string> hostname_of(const Object& pod, const ClusterDns& cluster) {
  const PodSpec& spec = spec_of(pod);
  if (on_node_network(spec)) return std::string();
  std::string full = full_name(pod, cluster);
  if (!spec.set_hostname_as_fqdn().value_or(false) || full.empty()) return short_name(pod);
  if (full.size() <= kMostFullName) return full;
  return Error(Code::kInvalid, "setHostnameAsFQDN: the full name " + full + " is longer than " +
                                   std::to_string(kMostFullName) +
                                   " characters; shorten hostname or subdomain");
}

std::string hosts_text(const Object& pod, const std::string& pod_ip, const ClusterDns& cluster,
                       const std::string& node_hosts) {
  const PodSpec& spec = spec_of(pod);
  std::string out = "# Written by kubus.\n";
  if (on_node_network(spec)) {
    out += node_hosts;
    if (!out.empty() && out.back() != '\n') out += '\n';
  } else {
    out += "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    std::string full = full_name(pod, cluster);
    out += pod_ip + "\t" + (full.empty() ? "" : full + "\t") + short_name(pod) + "\n";
  }
  if (!spec.host_aliases()) return out;
  for (const auto* alias : *spec.host_aliases()) {
    out += text(alias->ip());
    if (alias->hostnames()) {
      for (const auto* name : *alias->hostnames()) out += "\t" + name->str();
    }
    out += "\n";
  }
  return out;
}

}  // namespace kubus::kubelet
