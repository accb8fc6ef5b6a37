#include <boost/program_options.hpp>
#include <iostream>

#include "bus/host/host.h"
#include "services/bridge/bridge.h"
#include "services/bridge/config.h"

namespace {

using namespace kubus;
namespace po = boost::program_options;

// The sink of a route, with the edge behind it; `clients` keep what is there for it alone.
Result<std::unique_ptr<bridge::Sink>> make_sink(
    bus::Host& host, const bus::Subjects& subjects, const bridge::RouteConfig& route,
    std::vector<std::unique_ptr<bridge::HttpClient>>* clients) {
  bus::Ports ports = host.ports();
  if (const auto* webhook = std::get_if<bridge::WebhookConfig>(&route.sink)) {
    auto client = bridge::make_http_client(host.loop(), ports.clock, webhook->tls);
    if (!client) return client.error();
    clients->push_back(*std::move(client));
    return std::unique_ptr<bridge::Sink>(
        std::make_unique<bridge::Webhook>(ports.log, *clients->back(), webhook->options));
  }
  if (const auto* nats = std::get_if<bridge::NatsOptions>(&route.sink))
    return std::unique_ptr<bridge::Sink>(
        std::make_unique<bridge::NatsSubjects>(ports, subjects, *nats));
  auto file = bridge::File::open(ports.workers, std::get<bridge::FileOptions>(route.sink));
  if (!file) return file.error();
  return std::unique_ptr<bridge::Sink>(*std::move(file));
}

int serve(const bridge::Config& config) {
  auto credentials = bus::read_credentials(config.credentials);
  if (!credentials) return (std::cerr << credentials.error().message << "\n"), 2;
  bus::Host host({.component = "bridge", .credentials = *credentials});
  bridge::FilePositions positions(host.ports().workers, config.state, credentials->cluster);
  std::vector<std::unique_ptr<bridge::HttpClient>> clients;
  bridge::Bridge bridge(
      host.ports(),
      {.cluster = ClusterName(credentials->cluster), .actor = Actor(credentials->actor)},
      positions);
  std::vector<bridge::Bridge::Leg> legs;
  for (const bridge::RouteConfig& route : config.routes) {
    auto sink = make_sink(host, bridge.subjects(), route, &clients);
    if (!sink)
      return (std::cerr << "route " << route.options.name << ": " << sink.error().message << "\n"),
             2;
    legs.push_back({route.options, *std::move(sink)});
  }
  if (Status s = bridge.start(std::move(legs)); !s)
    return (std::cerr << s.error().message << "\n"), 2;
  return host.run();
}

}  // namespace

int main(int argc, char** argv) {
  po::options_description known("kubus-bridge: a cluster's events as CloudEvents, for others");
  auto add = known.add_options();
  add("help,h", "this text");
  add("config", po::value<std::string>(), "what goes where (YAML; services/bridge/README.md)");
  add("credentials", po::value<std::string>(), "how to reach the bus, if the config does not say");
  add("state", po::value<std::string>(), "where positions are kept, if the config does not say");
  add("check", po::bool_switch(), "only read the config");
  po::variables_map options;
  try {
    po::store(po::parse_command_line(argc, argv, known), options);
    if (options.count("help")) return (std::cout << known), 0;
    po::notify(options);
  } catch (const po::error& e) {
    return (std::cerr << e.what() << "\n"), 2;
  }
  if (!options.count("config")) return (std::cerr << "--config is required\n"), 2;
  auto config = bridge::read_config(options["config"].as<std::string>());
  if (!config) return (std::cerr << config.error().message << "\n"), 2;
  for (auto [name, field] :
       {std::pair("credentials", &config->credentials), std::pair("state", &config->state)}) {
    if (field->empty() && options.count(name)) *field = options[name].as<std::string>();
    if (field->empty() && !options["check"].as<bool>())
      return (std::cerr << "the config names no " << name << ", and there is no --" << name
                        << "\n"),
             2;
  }
  return options["check"].as<bool>() ? 0 : serve(*config);
}
