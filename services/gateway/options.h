// The gateway's command line.
#pragma once

#include "bus/host/host.h"
#include "schemas/lib/base/result.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

struct GatewayOptions {
  bus::Credentials credentials;
  HttpOptions http;
  std::string token_key;  // PEM; "" : no token is accepted
};

// kBadRequest says which option is missing or malformed.
Result<GatewayOptions> read_options(int argc, char** argv);

}  // namespace kubus::gateway
