// The real world for one process: a loop, wall and monotonic time, randomness, spdlog, worker
// threads and a NATS connection. A component's main() makes one, builds its component on ports(),
// and runs the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/base/result.h"

namespace boost::asio {
class io_context;
}

namespace kubus::bus {

class NatsBus;

// How to reach the bus, as a credentials file (JSON: cluster, actor, servers, user, password, ca,
// cert, key) says.
struct Credentials {
  std::string cluster;
  std::string actor;
  std::vector<std::string> servers;  // "nats://127.0.0.1:4222", "tls://…"
  std::string user, password;
  std::string ca_file, cert_file, key_file;
};
Result<Credentials> read_credentials(const std::string& path);

struct HostOptions {
  std::string component;  // for logs and the connection's name
  Credentials credentials;
  Level log_level = Level::kInfo;
  std::string log_file;  // "" : stderr
  int workers = 2;
};

class Host {
 public:
  explicit Host(HostOptions options);
  ~Host();
  Host(const Host&) = delete;

  Ports ports();
  // Another connection on this loop, for what speaks to two spaces of the bus. Ends with the
  // object, which must not outlive the host.
  std::unique_ptr<NatsBus> connect(const Credentials& credentials);
  // For edges that have sockets of their own (gateway, CRI).
  boost::asio::io_context& loop();
  // From any thread: run `f` on the loop.
  void post(std::function<void()> f);
  // Runs until stop() or SIGTERM/SIGINT. Returns the exit code given to stop().
  int run();
  void stop(int exit_code = 0);
  // Called on SIGTERM/SIGINT before the loop ends; default: stop().
  void on_terminate(std::function<void()> f);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::bus
