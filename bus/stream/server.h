// The serving end of encrypted byte streams (a kubelet's): lets in who holds a ticket that it was
// told of, once. Everyone else is refused before a byte of theirs is read. Loop thread only.
#pragma once

#include <memory>
#include <string>

#include "bus/stream/ports.h"

namespace boost::asio {
class io_context;
}

namespace kubus::stream {

struct ServerOptions {
  std::string listen = "tcp://127.0.0.1:*";
  // A client may come before the word about its ticket: it is held so long, then refused.
  bus::Duration patience = std::chrono::seconds(5);
  size_t most_tickets = 1024, most_held = 256;
};

class StreamServer final : public StreamHost {
 public:
  // kUnavailable: it cannot listen there.
  static Result<std::unique_ptr<StreamServer>> open(boost::asio::io_context& loop, bus::Ports ports,
                                                    ServerOptions options);
  ~StreamServer() override;  // every stream breaks
  StreamServer(const StreamServer&) = delete;

  Status expect(const Admission& admission, bus::Duration valid, Accept accept) override;
  const std::string& endpoint() const override;
  const std::string& public_key() const override;
  size_t streams() const;

 private:
  struct Impl;
  explicit StreamServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::stream
