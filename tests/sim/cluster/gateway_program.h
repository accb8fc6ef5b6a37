// The gateway without its sockets: clients in the simulator hand their requests over as exchanges.
#pragma once

#include <memory>

#include "services/gateway/gateway.h"

namespace kubus::sim {

class GatewayProgram {
 public:
  GatewayProgram(bus::Ports ports, kit::ClientOptions options)
      : gateway_(ports, std::move(options), nullptr, dialer_) {}
  gateway::Gateway& gateway() { return gateway_; }

 private:
  // Byte streams leave the bus, and so the simulator.
  struct NoDialer : stream::StreamDialer {
    std::unique_ptr<stream::Stream> connect(const stream::Ticket&,
                                            stream::Stream::Handlers) override {
      return nullptr;
    }
  };
  NoDialer dialer_;
  gateway::Gateway gateway_;
};

}  // namespace kubus::sim
