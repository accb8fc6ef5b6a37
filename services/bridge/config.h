// What `--config FILE` says, in YAML or JSON. Unknown fields are refused: a misspelt filter would
// let everything through.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "services/bridge/http/beast_client.h"
#include "services/bridge/route.h"
#include "services/bridge/sinks/file.h"
#include "services/bridge/sinks/nats_subjects.h"
#include "services/bridge/sinks/webhook.h"

namespace kubus::bridge {

struct WebhookConfig {
  WebhookOptions options;
  TlsOptions tls;
};

struct RouteConfig {
  RouteOptions options;  // `source` may be empty: the cluster's
  std::variant<WebhookConfig, NatsOptions, FileOptions> sink;
};

struct Config {
  std::string credentials;  // "" : given on the command line
  std::string state;        // where positions are kept; "" : given on the command line
  std::vector<RouteConfig> routes;
};

// kBadRequest names the field: `routes[1].webhook.url: …`.
Result<Config> parse_config(std::string_view text);
Result<Config> read_config(const std::string& path);

}  // namespace kubus::bridge
