// Leader election over a coordination/v1 Lease. The epoch (spec.leaseTransitions) fences: the store
// refuses writes of an older epoch. Silence counts only from the moment this candidate itself began
// to listen. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bus/kit/client.h"
#include "bus/ports/ports.h"

namespace kubus::kit {

struct ElectionOptions {
  std::string lease;  // name, in kube-system
  std::string identity;
  bus::Duration ttl = std::chrono::seconds(15);
  bus::Duration renew = std::chrono::seconds(5);
};

class Election {
 public:
  Election(bus::Ports ports, Client& client, ElectionOptions options,
           std::function<void(const Fence&)> on_elected, std::function<void()> on_lost);
  ~Election();  // gives the lease up if held
  Election(const Election&) = delete;
  bool leader() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::kit
