#include "cli/cluster/components.h"

#include <signal.h>

#include "agents/containerd/containerd.h"
#include "cli/cluster/preflight.h"

namespace kubus::cli {
namespace {

ChildSpec own(const std::string& name, const Layout& layout, const std::string& actor,
              std::vector<std::string> more) {
  ChildSpec spec{
      .name = name,
      .argv = {find_program("kubus-" + name), "--credentials", layout.credentials(actor)}};
  spec.argv.insert(spec.argv.end(), more.begin(), more.end());
  return spec;
}

void add_node(const ClusterConfig& c, const Layout& layout, std::vector<ChildSpec>* out) {
  std::string endpoint = c.runtime_endpoint;
  if (endpoint.empty()) {
    endpoint = "unix://" + agents::containerd_socket(layout.containerd());
    out->push_back({.name = "containerd",
                    .argv = agents::containerd_command(layout.containerd()),
                    .stop_seconds = 10});
  }
  out->push_back(own("kubelet", layout, "kubelet:" + c.node,
                     {"--node", c.node, "--runtime-endpoint", endpoint, "--state", layout.kubelet(),
                      "--address", c.address}));
  out->push_back(own("proxy", layout, "proxy:" + c.node,
                     {"--node", c.node, "--state", layout.proxy(), "--pod-cidr", c.pod_cidr}));
}

}  // namespace

ChildSpec gateway_of(const ClusterConfig& c, const Layout& layout) {
  std::string port = ":" + std::to_string(c.api_port);
  std::vector<std::string> more{"--listen",
                                c.listen + port,
                                "--cert",
                                layout.pki("gateway.crt"),
                                "--key",
                                layout.pki("gateway.key"),
                                "--client-ca",
                                layout.pki("ca.crt"),
                                "--service-account-key",
                                layout.pki("sa.pub")};
  if (c.address != c.listen) more.insert(more.end(), {"--listen", c.address + port});
  return own("gateway", layout, "gateway", std::move(more));
}

std::vector<ChildSpec> components_of(const ClusterConfig& c, const Layout& layout) {
  std::vector<ChildSpec> out;
  out.push_back({.name = "nats-server",
                 .argv = {find_program("nats-server"), "-c", layout.bus_config()},
                 .reload_signal = SIGHUP});
  out.push_back(
      own("store", layout, "store",
          {"--state", layout.store(), "--pod-cidr", c.pod_cidr, "--service-cidr", c.service_cidr,
           "--ca-file", layout.pki("ca.crt"), "--api-port", std::to_string(c.api_port),
           "--api-address", c.address, "--service-account-key", layout.pki("sa.key"),
           "--secrets-keys", layout.pki("secrets.keys")}));
  out.push_back({.name = "users", .argv = {"/proc/self/exe", "keep-users", "--state", layout.dir}});
  if (c.stream) {
    out.push_back(own("stream", layout, "stream",
                      {"--stream-credentials", layout.credentials("stream-writer"), "--max-bytes",
                       std::to_string(c.stream_max_bytes)}));
  }
  if (!c.node.empty()) add_node(c, layout, &out);
  out.push_back(gateway_of(c, layout));
  out.push_back(own("scheduler", layout, "scheduler", {}));
  out.push_back(own("controllers", layout, "controllers",
                    {"--node-grace-seconds", std::to_string(c.node_grace_seconds)}));
  if (c.hollow > 0) {
    out.push_back({.name = "hollow",
                   .argv = {find_program("kubus-kubelet"), "--credentials",
                            layout.credentials(kHollowPrefix), "--node", kHollowPrefix, "--hollow",
                            std::to_string(c.hollow), "--address", c.address}});
  }
  return out;
}

}  // namespace kubus::cli
