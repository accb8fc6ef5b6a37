// What the process that hosts them all knows of a controller, and what it gives them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bus/kit/client.h"
#include "bus/kit/informer.h"
#include "bus/kit/recorder.h"
#include "bus/ports/ports.h"

namespace kubus::controllers {

// One cache of each kind for all controllers; of most kinds only metadata is kept. Handlers are
// added while controllers are made, before start().
class Informers {
 public:
  Informers(bus::Ports ports, kit::Client& client) : ports_(ports), client_(client) {}
  Informers(const Informers&) = delete;

  // Whole objects. Made at its first mention. The kind must be a stored one of the registry.
  kit::Informer& of(std::string_view group, std::string_view resource);
  // Of every stored kind but Events, which own nothing and are nobody's. Of kinds that nobody asks
  // for by of() only what of_metadata() leaves.
  std::vector<kit::Informer*> all_kinds();
  kit::Informer& metadata(std::string_view group, std::string_view resource);
  // The same, but this one object is kept whole.
  kit::Informer& with_whole(std::string_view group, std::string_view resource, std::string ns,
                            std::string name);
  void start();

 private:
  struct Entry {
    bool whole = false;
    std::set<std::pair<std::string, std::string>> whole_ones;  // by namespace and name
    std::unique_ptr<kit::Informer> informer;
  };
  Entry& entry_of(const schema::KindInfo& kind);

  bus::Ports ports_;
  kit::Client& client_;
  std::map<std::string, Entry> all_;
};

// The object without what neither ownership nor a namespace's end asks for: its name, uid,
// revision, owners, finalizers and whether it is going are left.
Object of_metadata(const Object& object);

// What every controller is made of; outlives them.
struct Shared {
  bus::Ports ports;
  kit::Client& client;
  Informers& informers;
};

class Controller {
 public:
  virtual ~Controller() = default;
  // The leader's fence; nullopt: not the leader, write nothing.
  virtual void set_fence(std::optional<kit::Fence> fence) = 0;
};

// The registry's; ends the process if there is none of that name.
const schema::KindInfo& kind_of(std::string_view group, std::string_view resource);
// "namespace/name", the key under which reconcilers know an object.
std::string key_of(const Object& object);
// The object under such a key, if the cache has it.
Object find(const kit::Informer& informer, std::string_view key);
// The revision that brought a change; 0: a list did.
Revision revision_of(const kit::Informer::Change& change);

}  // namespace kubus::controllers
