// What the process that hosts them all knows of a controller, and what it gives them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/kit/client.h"
#include "bus/kit/informer.h"
#include "bus/kit/recorder.h"
#include "bus/ports/ports.h"

namespace kubus::controllers {

// One cache of each kind for all controllers. Handlers are added while controllers are made, before
// start().
class Informers {
 public:
  Informers(bus::Ports ports, kit::Client& client) : ports_(ports), client_(client) {}
  Informers(const Informers&) = delete;

  // Made at its first mention. The kind must be a stored one of the registry.
  kit::Informer& of(std::string_view group, std::string_view resource);
  // Of every stored kind but Events, which own nothing and are nobody's.
  std::vector<kit::Informer*> all_kinds();
  void start();

 private:
  bus::Ports ports_;
  kit::Client& client_;
  std::map<std::string, std::unique_ptr<kit::Informer>> all_;
};

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
