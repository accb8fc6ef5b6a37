#include <boost/program_options.hpp>
#include <iostream>

#include "agents/proxy/host.h"
#include "agents/proxy/kept.h"
#include "agents/proxy/nft/nftables.h"
#include "agents/proxy/proxy.h"
#include "bus/host/host.h"

namespace {

using namespace kubus;
namespace po = boost::program_options;

int serve(const po::variables_map& options) {
  auto credentials = bus::read_credentials(options["credentials"].as<std::string>());
  if (!credentials) return (std::cerr << credentials.error().message << "\n"), 2;
  std::string state = options["state"].as<std::string>();
  std::string table = proxy::table_name(credentials->cluster);
  bus::Host host({.component = "proxy", .credentials = *credentials});
  if (Status s = proxy::prepare_host(); !s) host.ports().log.warn(s.error().message);
  if (Status s = proxy::restore(state, table); !s) host.ports().log.warn(s.error().message);
  proxy::Nftables nftables(host.ports().workers);
  proxy::Proxy proxy(
      host.ports(), nftables,
      {.client = {.cluster = ClusterName(credentials->cluster), .actor = Actor(credentials->actor)},
       .node = options["node"].as<std::string>(),
       .table = {.name = table, .pod_cidr = options["pod-cidr"].as<std::string>()},
       .keep = [ports = host.ports(), state](std::string whole) {
         auto result = std::make_shared<Status>();
         ports.workers.run(
             "keep", [=, whole = std::move(whole)] { *result = proxy::keep(state, whole); },
             [=] {
               if (!*result) ports.log.warn(result->error().message);
             });
       }});
  return host.run();
}

int remove(const std::string& cluster) {
  std::string table = proxy::table_name(cluster);
  if (!proxy::Nftables::present(table)) return 0;
  Status s = proxy::Nftables::run("delete table ip " + table + "\n");
  if (!s) std::cerr << s.error().message << "\n";
  return s ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  po::options_description known("kubus-proxy: makes Services answer on this node");
  auto add = known.add_options();
  add("help,h", "this text");
  add("credentials", po::value<std::string>(), "how to reach the bus (JSON file)");
  add("node", po::value<std::string>(), "the name of this machine's Node");
  add("state", po::value<std::string>(), "directory for what is kept between starts");
  add("pod-cidr", po::value<std::string>()->default_value("10.244.0.0/16"),
      "the addresses of the cluster's Pods");
  add("remove", po::value<std::string>(), "remove the rules of the cluster of this name, and end");
  po::variables_map options;
  try {
    po::store(po::parse_command_line(argc, argv, known), options);
    if (options.count("help")) return (std::cout << known), 0;
    po::notify(options);
  } catch (const po::error& e) {
    return (std::cerr << e.what() << "\n"), 2;
  }
  if (options.count("remove")) return remove(options["remove"].as<std::string>());
  for (const char* name : {"credentials", "node", "state"}) {
    if (!options.count(name)) return (std::cerr << "--" << name << " is required\n"), 2;
  }
  return serve(options);
}
