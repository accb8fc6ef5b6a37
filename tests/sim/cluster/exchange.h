// An HTTP request to a gateway in the simulator, and what comes back.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "services/gateway/http/http.h"

namespace kubus::sim {

// The client's end. Dropping it hangs up.
struct Call {
  int status = 0;              // 0: nothing came yet
  std::string body;            // all that came so far; the reader may cut off what it has read
  bool over = false;           // complete, or the gateway has hung up
  std::function<void()> gone;  // what the gateway wants to be told when the client hangs up
  ~Call() {
    if (!over && gone) gone();
  }
};

// Hands GET `path` with `query` to the gateway, as a member of system:masters.
std::shared_ptr<Call> get(std::function<void(std::shared_ptr<gateway::Exchange>)> handle,
                          std::string path,
                          std::multimap<std::string, std::string, std::less<>> query);

}  // namespace kubus::sim
