// What this node last knew, on its own disk: its Pods, and the ConfigMaps and Secrets that they
// refer to, so that a kubelet which starts while the store is away goes on. Files of mode 0600,
// each replaced whole and checked when read; what is torn is as if it were not there. Loop thread
// only; touches the disk.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::kubelet {

class LastKnown {
 public:
  // `dir` "" : remembers nothing.
  LastKnown(bus::Ports ports, std::string dir) : ports_(ports), dir_(std::move(dir)) {}
  // Writes what is still to be written.
  ~LastKnown();
  LastKnown(const LastKnown&) = delete;

  // On disk within a tenth of a second; only the last version of an object is written.
  void keep(const Object& object);
  void drop(const ObjectKey& key);
  // Empty: nothing (whole) is known of it.
  Object find(const ObjectKey& key) const;
  // All of that kind.
  std::vector<Object> all(const schema::KindInfo& kind) const;
  // Of that kind, what is not in `keys` is dropped.
  void keep_only(const schema::KindInfo& kind, const std::set<ObjectKey>& keys);

 private:
  std::string path_of(const ObjectKey& key) const;
  void write_soon();
  void flush();

  bus::Ports ports_;
  std::string dir_;
  std::map<ObjectKey, Object> pending_;  // empty: to be removed
  std::unique_ptr<bus::Timer> timer_;
  bool complained_ = false;
};

}  // namespace kubus::kubelet
