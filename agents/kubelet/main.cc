#include <iostream>

#include "agents/kubelet/cri/cri_runtime.h"
#include "agents/kubelet/hollow/hollow_nodes.h"
#include "agents/kubelet/kubelet.h"
#include "agents/kubelet/options.h"
#include "agents/kubelet/probes/edge/socket_network.h"
#include "bus/host/host.h"
#include "bus/stream/server.h"

namespace {

using namespace kubus;

int run_hollow(const kubelet::Options& options, const bus::Credentials& credentials) {
  bus::Host host(
      {.component = "hollow", .credentials = credentials, .log_level = bus::Level::kWarn});
  std::vector<std::unique_ptr<kubelet::HollowMachine>> machines;
  for (int i = 0; i < options.hollow; ++i)
    machines.push_back(std::make_unique<kubelet::HollowMachine>(host.ports().clock));
  const kubelet::NodeOptions& node = options.kubelet.node;
  kubelet::HollowNodes nodes(host.ports(), machines,
                             {.cluster = ClusterName(credentials.cluster),
                              .prefix = node.name,
                              .address = node.address,
                              .version = node.version});
  return host.run();
}

}  // namespace

int main(int argc, char** argv) {
  auto options = kubelet::parse_options(argc, argv);
  if (!options) return (std::cerr << options.error().message << "\n"), 2;
  if (!options->help.empty()) return (std::cout << options->help), 0;
  auto credentials = bus::read_credentials(options->credentials);
  if (!credentials) return (std::cerr << credentials.error().message << "\n"), 2;
  if (options->hollow > 0) return run_hollow(*options, *credentials);
  options->kubelet.client = {.cluster = ClusterName(credentials->cluster),
                             .actor = Actor(credentials->actor)};
  bus::Host host({.component = "kubelet", .credentials = *credentials});
  auto runtime = kubelet::make_cri_runtime(host.loop(), options->endpoint,
                                           [&host](auto f) { host.post(std::move(f)); });
  auto streams = stream::StreamServer::open(
      host.loop(), host.ports(), {.listen = "tcp://" + options->kubelet.node.address + ":*"});
  if (!streams) return (std::cerr << streams.error().message << "\n"), 1;
  options->kubelet.node.stream_endpoint = (*streams)->endpoint();
  options->kubelet.node.stream_key = (*streams)->public_key();
  auto network =
      kubelet::make_socket_network(host.loop(), [&host](auto f) { host.post(std::move(f)); });
  kubelet::Kubelet kubelet(host.ports(), *runtime, *network, options->kubelet, streams->get());
  return host.run();
}
