// The kernel's packet rules as the proxy sees them. Adapters: nft/ (nftables), and one for tests.
#pragma once

#include <functional>
#include <string>

#include "schemas/lib/base/result.h"

namespace kubus::proxy {

class Dataplane {
 public:
  virtual ~Dataplane() = default;
  // Runs nftables commands as one transaction: all of them, or none. `done` runs on the loop. One
  // at a time.
  virtual void apply(std::string commands, std::function<void(Status)> done) = 0;
};

}  // namespace kubus::proxy
