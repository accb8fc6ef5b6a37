#include <cstdio>

#include "bus/host/host.h"
#include "services/gateway/gateway.h"
#include "services/gateway/options.h"

int main(int argc, char** argv) {
  using namespace kubus;
  auto options = gateway::read_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "%s\n", options.error().message.c_str());
    return 2;
  }
  kit::ClientOptions client{ClusterName(options->credentials.cluster),
                            Actor(options->credentials.actor)};
  bus::Host host({.component = "gateway", .credentials = options->credentials});
  gateway::Gateway gateway(host.ports(), std::move(client));
  gateway::HttpServer server(
      host.loop(), host.ports().log, options->http,
      [&](std::shared_ptr<gateway::Exchange> e) { gateway.handle(std::move(e)); });
  if (Status s = server.start(); !s) {
    std::fprintf(stderr, "%s\n", s.error().message.c_str());
    return 1;
  }
  return host.run();
}
