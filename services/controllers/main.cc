#include <boost/program_options.hpp>
#include <iostream>

#include "bus/host/host.h"
#include "services/controllers/controllers.h"

int main(int argc, char** argv) {
  using namespace kubus;
  namespace po = boost::program_options;
  po::options_description known("kubus-controllers: keeps the cluster as its objects say");
  auto add = known.add_options();
  add("help,h", "this text");
  add("credentials", po::value<std::string>()->required(), "how to reach the bus (JSON file)");
  add("node-grace-seconds", po::value<int>()->default_value(40),
      "how long a node may be silent before its Pods are given up");
  po::variables_map options;
  try {
    po::store(po::parse_command_line(argc, argv, known), options);
    if (options.count("help")) return (std::cout << known), 0;
    po::notify(options);
  } catch (const po::error& e) {
    return (std::cerr << e.what() << "\n"), 2;
  }
  auto credentials = bus::read_credentials(options["credentials"].as<std::string>());
  if (!credentials) return (std::cerr << credentials.error().message << "\n"), 2;
  bus::Host host({.component = "controllers", .credentials = *credentials});
  controllers::Controllers controllers(
      host.ports(),
      {.client = {.cluster = ClusterName(credentials->cluster), .actor = Actor(credentials->actor)},
       .identity = credentials->actor,
       .node_grace = std::chrono::seconds(options["node-grace-seconds"].as<int>())});
  return host.run();
}
