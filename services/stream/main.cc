#include <boost/program_options.hpp>
#include <iostream>

#include "bus/host/host.h"
#include "bus/nats/jetstream.h"
#include "services/stream/event_stream.h"

int main(int argc, char** argv) {
  using namespace kubus;
  namespace po = boost::program_options;
  po::options_description known(
      "kubus-stream: keeps a JetStream stream equal to the cluster's events");
  auto add = known.add_options();
  add("help,h", "this text");
  add("credentials", po::value<std::string>()->required(), "how to reach the bus (JSON file)");
  add("stream-credentials", po::value<std::string>()->required(),
      "how to reach JetStream (JSON file)");
  add("max-bytes", po::value<uint64_t>()->default_value(0),
      "beyond it the stream forgets its oldest messages; 0: no limit");
  po::variables_map options;
  try {
    po::store(po::parse_command_line(argc, argv, known), options);
    if (options.count("help")) return (std::cout << known), 0;
    po::notify(options);
  } catch (const po::error& e) {
    return (std::cerr << e.what() << "\n"), 2;
  }
  auto credentials = bus::read_credentials(options["credentials"].as<std::string>());
  auto writer = bus::read_credentials(options["stream-credentials"].as<std::string>());
  for (const auto* c : {&credentials, &writer}) {
    if (!*c) return (std::cerr << c->error().message << "\n"), 2;
  }
  bus::Host host({.component = "stream", .credentials = *credentials});
  auto connection = host.connect(*writer);
  bus::Ports ports = host.ports();
  ClusterName cluster(credentials->cluster);
  bus::JetStream log(*connection, ports.clock, ports.random,
                     {.cluster = cluster,
                      .actor = Actor(writer->actor),
                      .max_bytes = options["max-bytes"].as<uint64_t>()});
  stream::EventStream stream(ports, {.cluster = cluster, .actor = Actor(credentials->actor)}, log);
  return host.run();
}
