// A real nats-server for tests: a child process on a free loopback port with a directory of its
// own. Ends with this object.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "bus/nats/server_config.h"

namespace kubus::bus {

class TestServer {
 public:
  // Starts it with these users; returns when it listens.
  explicit TestServer(std::vector<BusUser> users, ClusterName cluster = ClusterName("test"));
  ~TestServer();
  TestServer(const TestServer&) = delete;

  std::string url() const;
  void kill();   // -9
  void start();  // again, on the same port
  void reload(std::vector<BusUser> users);

 private:
  void write_config();
  ServerConfig config_;
  std::string directory_;
  pid_t pid_ = 0;
};

}  // namespace kubus::bus
