// All controllers of a cluster in one process: they share one cache of each kind, and only the
// elected leader writes. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bus/kit/election.h"
#include "services/controllers/controller.h"

namespace kubus::controllers {

struct Options {
  kit::ClientOptions client;
  std::string identity;  // of this process among those that stand for election
  bus::Duration lease_ttl = std::chrono::seconds(15);
  bus::Duration node_grace = std::chrono::seconds(40);  // how long a node may be silent
};

class Controllers {
 public:
  Controllers(bus::Ports ports, Options options);

 private:
  void set_fence(const std::optional<kit::Fence>& fence);

  kit::Client client_;
  Informers informers_;
  Shared shared_;
  std::vector<std::unique_ptr<Controller>> all_;
  std::unique_ptr<kit::Election> election_;
};

}  // namespace kubus::controllers
