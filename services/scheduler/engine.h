// All that the scheduler decides, without the bus: Nodes, Pods and time come in, decisions come
// out. Deterministic but for the Random that breaks ties.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/object.h"
#include "services/scheduler/model/demand.h"
#include "services/scheduler/model/nominations.h"
#include "services/scheduler/model/snapshot.h"
#include "services/scheduler/planner.h"
#include "services/scheduler/queue/queue.h"

namespace kubus::scheduler {

// A Pod that makes room.
struct Victim {
  std::string key, uid;
  friend bool operator==(const Victim&, const Victim&) = default;
};

struct Decision {
  std::string key;  // "namespace/name"
  Object pod;
  std::string node;              // "" : nowhere
  std::string why;               // then
  std::vector<Revision> causes;  // empty: a timer or the start
  int attempts = 0;              // with this one
  bool tried = true;             // false: what was found for another that wants the same
  std::string nominated;         // where its place is kept, while it has no node
  bool preempts = false;         // that is new, and at the cost of …
  std::vector<Victim> victims;   // … these; none of them has been told
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
  void on_namespace(const Object& before, const Object& now, bus::Instant at);

  // At most so many. Where a node is found the Pod counts there from now on, until on_pod() shows
  // it somewhere, or unbound() is said.
  std::vector<Decision> decide(size_t most, bus::Instant at);
  // The binding did not happen: the Pod is tried again after its backoff. `uid`: of the Pod that
  // was decided about.
  void unbound(const std::string& key, std::string_view uid, bus::Instant at);
  // The victims of a decision were not told to leave: the Pod is tried again after its backoff.
  void not_preempted(const Decision& decision, bus::Instant at);
  // They were, and the Pod says at this revision where its place is kept.
  void preempted(const Decision& decision, Revision written);
  // A binding of this Pod was sent, and its event is not seen yet.
  bool assumed(const std::string& key) const { return assumed_.contains(key); }

  // When decide() has something to do.
  std::optional<bus::Instant> due(bus::Instant at) const { return queue_.due(at); }
  Queue::Sizes sizes() const { return queue_.sizes(); }
  const Snapshot& snapshot() const { return snapshot_; }
  // The node where the Pod's place is kept; "" : none.
  std::string nominated(const std::string& key) const { return nominations_.node_of(key); }

 private:
  DemandPtr demand_of(const Object& pod, const Folk& folk);
  void wait_for_node(const std::string& key, const Object& pod, Revision revision);
  void follow_nomination(const std::string& key, const Object& pod);
  void give_up_nomination(const std::string& key, Revision revision, bus::Instant at);
  void count(const std::string& key, const Object& pod, Revision revision, bus::Instant at);
  void understand(Candidate* candidate);
  std::optional<Row> find_place(const Candidate& candidate);
  void put_on(const Candidate& candidate, Row row, Decision* d, bus::Instant at);
  void refuse(const Candidate& candidate, Decision* d, std::vector<Decision>* out, bus::Instant at);
  bool room_is_being_made(const Candidate& candidate) const;
  void make_room(const Candidate& candidate, Refusal* refusal, Decision* d);
  void start_anew(bus::Instant at);
  void call_nominated(std::string_view node, Revision revision);
  void on_change(const Change& change, Revision revision, bus::Instant at);
  void forget_old_texts(bus::Instant at);

  Snapshot snapshot_;
  Nominations nominations_{snapshot_};
  Demands demands_;
  Planner planner_;
  Queue queue_;
  std::unordered_map<std::string, std::string> assumed_;  // uid by key
  // Pods that are being told to leave and do not show it yet, by key.
  std::map<std::string, Victim> condemned_;
  // Nominated by decisions whose writing is not seen yet; the revision of that, once it is known.
  std::map<std::string, Revision> preempting_;
  size_t least_texts_, most_texts_;
};

}  // namespace kubus::scheduler
