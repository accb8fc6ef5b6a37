// The ConfigMaps and Secrets that this node's Pods refer to: read when a container needs them, kept
// until the node's lane gives notice of a change. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "agents/kubelet/pods/references.h"
#include "bus/kit/client.h"

namespace kubus::kubelet {

class ReferenceCache {
 public:
  explicit ReferenceCache(kit::Client& client) : client_(client) {}

  // Reads what is not here. `done` says whether all is known now; what does not exist counts as
  // known. Calls back in a later turn, or at once if nothing is missing.
  void fetch(const std::string& ns, const std::set<RefKey>& keys, std::function<void(Status)> done);
  Lookup lookup(const std::string& ns) const;
  void forget(std::string_view resource, std::string_view ns, std::string_view name);

 private:
  struct Fetch {
    size_t missing = 0;
    Status result;
    std::function<void(Status)> done;
  };
  void on_read(const std::string& ns, const RefKey& key, const Result<Object>& object,
               Fetch& fetch);

  kit::Client& client_;
  std::map<std::pair<std::string, RefKey>, Object> found_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
