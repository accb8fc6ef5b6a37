// How components come by streams, apart from sockets: a kubelet lets holders of tickets in, gateway
// and CLI connect with a ticket. Adapters: server.h and client.h. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bus/ports/ports.h"
#include "bus/stream/stream.h"

namespace kubus::stream {

struct Admission {
  std::string ticket, client_key;
};

class StreamHost {
 public:
  // Called when the ticket's holder has connected. Must listen to the stream before it returns.
  using Accept = std::function<void(std::unique_ptr<Stream>)>;

  virtual ~StreamHost() = default;
  // Lets the ticket's holder in, once, within `valid`. kTooManyRequests; kTimeout: past its time.
  virtual Status expect(const Admission& admission, bus::Duration valid, Accept accept) = 0;
  // What clients connect to, and the public key that they know it by.
  virtual const std::string& endpoint() const = 0;
  virtual const std::string& public_key() const = 0;
};

// What a store's answer to `connect` holds.
struct Ticket {
  std::string endpoint, server_key, client_key, client_secret, id;
};

class StreamDialer {
 public:
  virtual ~StreamDialer() = default;
  // Connects; never fails at once. `ended` tells what did not work: kForbidden (refused),
  // kUnavailable (nobody there, or the connection broke), kTimeout.
  virtual std::unique_ptr<Stream> connect(const Ticket& ticket, Stream::Handlers handlers) = 0;
};

}  // namespace kubus::stream
