// The ConfigMaps and Secrets that this node's Pods refer to: read when a container needs them, kept
// until the node's lane gives notice of a change, and on disk for when the store cannot be asked.
// Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "agents/kubelet/offline/last_known.h"
#include "agents/kubelet/pods/references.h"
#include "bus/kit/client.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

class ReferenceCache {
 public:
  ReferenceCache(bus::Ports ports, kit::Client& client, LastKnown& known)
      : ports_(ports), client_(client), known_(known) {}

  // Reads what is not here. `done` says whether all is known now; what does not exist counts as
  // known, and what only the disk knows serves while the store does not answer. Calls back in a
  // later turn, or at once if nothing has to be asked.
  void fetch(const std::string& ns, const std::set<RefKey>& keys, std::function<void(Status)> done);
  Lookup lookup(const std::string& ns) const;
  void forget(std::string_view resource, std::string_view ns, std::string_view name);
  // The store can be asked again: what came from the disk is not trusted any more.
  void forget_old();

 private:
  struct Fetch {
    size_t missing = 0;
    Status result;
    std::function<void(Status)> done;
  };
  void on_read(const std::string& ns, const RefKey& key, const Result<Object>& object,
               Fetch& fetch);

  bool take_old(const std::string& ns, const RefKey& key);

  bus::Ports ports_;
  kit::Client& client_;
  LastKnown& known_;
  std::map<std::pair<std::string, RefKey>, Object> found_;
  std::set<std::pair<std::string, RefKey>> old_;  // those that came from the disk
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
