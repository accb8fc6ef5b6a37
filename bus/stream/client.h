// The connecting end of encrypted byte streams (gateway, CLI): one socket for each stream. Loop
// thread only.
#pragma once

#include <memory>

#include "bus/stream/ports.h"

namespace boost::asio {
class io_context;
}

namespace kubus::stream {

class StreamClient final : public StreamDialer {
 public:
  StreamClient(boost::asio::io_context& loop, bus::Ports ports);
  // Its streams break, but what they had sent still goes out for a second.
  ~StreamClient() override;
  StreamClient(const StreamClient&) = delete;

  std::unique_ptr<Stream> connect(const Ticket& ticket, Stream::Handlers handlers) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::stream
