// All that the scheduler decides, without the bus: Nodes, Pods and time come in, decisions come
// out. Deterministic but for the Random that breaks ties.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/object.h"
#include "services/scheduler/model/demand.h"
#include "services/scheduler/model/snapshot.h"
#include "services/scheduler/planner.h"
#include "services/scheduler/queue/queue.h"

namespace kubus::scheduler {

struct Decision {
  std::string key;  // "namespace/name"
  Object pod;
  std::string node;              // "" : nowhere
  std::string why;               // then
  std::vector<Revision> causes;  // empty: a timer or the start
  int attempts = 0;              // with this one
  bool tried = true;             // false: what was found for another that wants the same
};

std::string key_of(const Object& pod);
// A Pod that the scheduler of this profile has to place: no node, not finished or ending, no gates.
bool wants_node(const Object& pod);
// A Pod of ours that somebody holds back.
bool gated(const Object& pod);

class Engine {
 public:
  // `texts`: so many names, labels and so on are remembered before the unused ones go.
  explicit Engine(bus::Random& random, size_t texts = size_t{1} << 17);
  Engine(const Engine&) = delete;

  // As kit::Informer::Change: `before` or `now` may be empty.
  void on_node(const Object& before, const Object& now, Revision revision, bus::Instant at);
  void on_pod(const Object& before, const Object& now, Revision revision, bus::Instant at);

  // At most so many. Where a node is found the Pod counts there from now on, until on_pod() shows
  // it somewhere, or unbound() is said.
  std::vector<Decision> decide(size_t most, bus::Instant at);
  // The binding did not happen: the Pod is tried again after its backoff. `uid`: of the Pod that
  // was decided about.
  void unbound(const std::string& key, std::string_view uid, bus::Instant at);
  // A binding of this Pod was sent, and its event is not seen yet.
  bool assumed(const std::string& key) const { return assumed_.contains(key); }

  // When decide() has something to do.
  std::optional<bus::Instant> due(bus::Instant at) const { return queue_.due(at); }
  Queue::Sizes sizes() const { return queue_.sizes(); }
  const Snapshot& snapshot() const { return snapshot_; }

 private:
  void on_freed(const Change& change, Revision revision, bus::Instant at);
  void forget_old_texts(bus::Instant at);

  Snapshot snapshot_;
  Demands demands_;
  Planner planner_;
  Queue queue_;
  std::unordered_map<std::string, std::string> assumed_;  // uid by key
  size_t least_texts_, most_texts_;
};

}  // namespace kubus::scheduler
