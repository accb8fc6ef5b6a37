// The Services of a Pod's namespace as environment variables, and the API's for every Pod.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/kubelet/pods/environment.h"
#include "bus/kit/client.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

// More Services than that in a namespace are no environment any more: none is given.
constexpr size_t kMostLinkedServices = 2000;

// NAME_SERVICE_HOST, NAME_SERVICE_PORT and those that stand beside them, for each Service with an
// address, in the order of their names. Pure.
Environment service_links(const std::vector<Object>& services);

// What the store says of Services, kept for a while. Loop thread only.
class ServiceCache {
 public:
  ServiceCache(bus::Ports ports, kit::Client& client) : ports_(ports), client_(client) {}

  // Calls back at once if the namespace is known, and otherwise when the store has answered: true
  // if the links are the store's word, now or earlier.
  void fetch(const std::string& ns, std::function<void(bool)> done);
  // default/kubernetes always; those of the namespace too if `all`.
  Environment links(const std::string& ns, bool all) const;

 private:
  struct Known {
    std::vector<Object> services;
    bus::Instant asked;
    bool answered = false, asking = false;
    std::vector<std::function<void(bool)>> waiting;
  };
  void ask(const std::string& ns);
  void on_list(const std::string& ns, Result<kit::Page> page);

  bus::Ports ports_;
  kit::Client& client_;
  std::map<std::string, Known> known_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
