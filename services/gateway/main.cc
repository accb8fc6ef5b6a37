#include <cstdio>

#include "bus/host/host.h"
#include "bus/stream/client.h"
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
  std::unique_ptr<token::Verifier> tokens;
  if (!options->token_key.empty()) {
    auto key = token::Verifier::from_pem(options->token_key);
    if (!key) {
      std::fprintf(stderr, "%s\n", key.error().message.c_str());
      return 2;
    }
    tokens = std::make_unique<token::Verifier>(*std::move(key));
  }
  bus::Host host({.component = "gateway", .credentials = options->credentials});
  stream::StreamClient streams(host.loop(), host.ports());
  gateway::Gateway gateway(host.ports(), std::move(client), std::move(tokens), streams);
  gateway::HttpServer server(
      host.loop(), host.ports().log, options->http,
      [&](std::shared_ptr<gateway::Exchange> e) { gateway.handle(std::move(e)); });
  if (Status s = server.start(); !s) {
    std::fprintf(stderr, "%s\n", s.error().message.c_str());
    return 1;
  }
  return host.run();
}
