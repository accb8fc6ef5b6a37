// The Bus on a real nats-server. The only user of libnats.
//
// The connection's socket is read and written on the loop, so that all that a turn publishes leaves
// in one write; libnats' one delivery thread only puts messages into an inbox. With TLS libnats
// reads by a thread and writes at each publish: its event-loop mode leaves decrypted bytes unread.
// Reconnecting is ours: a connection that ends is replaced by a new one, with backoff, for as long
// as the process lives, also after authentication errors (the server may be reloading its users).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/ports/ports.h"

namespace kubus::bus {

struct NatsOptions {
  std::vector<std::string> servers;
  std::string user, password;
  std::string ca_file, cert_file, key_file;
  std::string name;  // shown by the server's monitoring
  size_t most_waiting =
      262'144;  // messages that the loop has not yet taken; beyond it they are dropped: kLossy
  size_t most_waiting_bytes = 256 << 20;
};

// Watches a socket on the loop until destroyed. Owns and closes the descriptor.
class SocketWatch {
 public:
  virtual ~SocketWatch() = default;
  // Calls `f` once when the socket takes bytes again.
  virtual void when_writable(std::function<void()> f) = 0;
};
// `on_readable` is called whenever there is something to read, or the end.
using WatchSocket =
    std::function<std::unique_ptr<SocketWatch>(int descriptor, std::function<void()> on_readable)>;

// `post` runs a function on the loop and may be called from any thread. `clock`, `random`, `log`
// and `workers` as in Ports.
class NatsBus : public Bus {
 public:
  NatsBus(NatsOptions options, std::function<void(std::function<void()>)> post, WatchSocket watch,
          Clock& clock, Random& random, Log& log, Workers& workers);
  ~NatsBus() override;

  bool publish(const Subject& subject, ByteView payload, const Subject* reply) override;
  // As publish, with one header: for what only NATS understands.
  bool publish_with_header(const Subject& subject, ByteView payload, const Subject& reply,
                           const std::string& name, const std::string& value);
  std::unique_ptr<Subscription> subscribe(const Pattern& pattern, Handler handler) override;
  std::unique_ptr<Subscription> watch_state(StateHandler handler) override;
  bool connected() const override;
  size_t max_payload() const override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace kubus::bus
