// The Kubernetes API over HTTPS, translated into bus requests and back. Stateless but for caches:
// run as many as wanted.
#pragma once

#include <memory>

#include "bus/kit/client.h"
#include "bus/ports/ports.h"
#include "bus/stream/ports.h"
#include "services/gateway/api/format.h"
#include "services/gateway/api/path.h"
#include "services/gateway/auth/tokens.h"
#include "services/gateway/http/http.h"
#include "services/gateway/watch/hub.h"

namespace kubus::gateway {

class Gateway {
 public:
  // `tokens` null: no bearer token is accepted.
  Gateway(bus::Ports ports, kit::ClientOptions options, std::unique_ptr<token::Verifier> tokens,
          stream::StreamDialer& dialer);
  Gateway(const Gateway&) = delete;

  // Answers one request, now or later. Never blocks. Loop thread only.
  void handle(std::shared_ptr<Exchange> exchange);

 private:
  void handle_known(std::shared_ptr<Exchange> exchange);
  bool handle_open(Exchange& exchange);  // what anyone may ask
  void handle_list(std::shared_ptr<Exchange> exchange, const ResourcePath& path,
                   const Format& format, wire::RequestT request,
                   std::shared_ptr<std::vector<Object>> before);
  void handle_resource(std::shared_ptr<Exchange> exchange, const ResourcePath& path);
  void on_answer(Exchange& exchange, const ResourcePath& path, const std::string& verb,
                 const Format& format, Result<kit::Answer> answer);
  void handle_stream(std::shared_ptr<Exchange> exchange, const ResourcePath& path);
  void forward_ports(const std::shared_ptr<Exchange>& exchange, const ResourcePath& path);
  void answer_metrics(std::shared_ptr<Exchange> exchange);

  bus::Ports ports_;
  kit::Client client_;
  Hub hub_;
  Tokens tokens_;
  stream::StreamDialer& dialer_;
  uint64_t requests_ = 0, failures_ = 0;
};

}  // namespace kubus::gateway
