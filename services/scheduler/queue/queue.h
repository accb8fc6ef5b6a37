// The Pods that want a node: active (the highest priority first, then the oldest), backing off, or
// waiting because they fit nowhere. Those that wait and want the same form a class: a change that
// helps wakes its first, and each that finds room wakes the next, so a crowd that cannot all fit
// costs one try. Pure: time comes in.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/ports/clock.h"
#include "schemas/lib/object.h"
#include "services/scheduler/model/demand.h"
#include "services/scheduler/model/snapshot.h"

namespace kubus::scheduler {

inline constexpr bus::Duration kFirstBackoff = std::chrono::seconds(1);
inline constexpr bus::Duration kMostBackoff = std::chrono::seconds(10);
// A class that waits is tried again after this long, whatever happened.
inline constexpr bus::Duration kFlush = std::chrono::minutes(5);

// A Pod as it leaves the queue.
struct Candidate {
  std::string key;  // "namespace/name"
  Object pod;
  DemandPtr demand;
  FolkPtr folk;
  std::vector<Revision> causes;  // what made it worth a try; the newest four
  int attempts = 0;              // with this one
};

class Queue {
 public:
  // A new Pod, or what a known one has become: tried now if it is new or wants something else.
  void put(const std::string& key, const Object& pod, DemandPtr demand, Revision cause,
           FolkPtr folk = nullptr);
  void remove(const std::string& key, bus::Instant now);
  bool knows(const std::string& key) const { return items_.contains(key); }
  // nullptr: it does not wait.
  const Candidate* waiting(const std::string& key) const;

  // The next to place. It is out until one of the three below is said, or remove().
  std::optional<Candidate> take(bus::Instant now);
  void placed(const std::string& key, bus::Instant now);  // and so far nothing speaks against it
  // It fits nowhere. Returns the others of its class, if its reasons are new to them.
  std::vector<Candidate> refused(const std::string& key, Helps woken_by, std::string_view why,
                                 bus::Instant now);
  void failed(const std::string& key, bus::Instant now);  // tried again after its backoff
  // What it wants is understood better now; of one that is out.
  void set_demand(const std::string& key, DemandPtr demand);
  // Tried again at once, if it waits.
  void call(const std::string& key, Revision cause);

  // Something got better. Asks about each class that it may help; `still_refused` says which
  // changes that class needs on the node in question, kNothing if it fits there now.
  using Ask = std::function<Helps(const DemandPtr&)>;
  void wake(Helps what, Revision cause, bus::Instant now, const Ask& still_refused);

  // When take() has something to give: now, later or never.
  std::optional<bus::Instant> due(bus::Instant now) const;

  struct Sizes {
    size_t active = 0, backing_off = 0, waiting = 0, out = 0, classes = 0;
    friend bool operator==(const Sizes&, const Sizes&) = default;
  };
  Sizes sizes() const;
  // All Demands anew, when the numbers of texts have changed. Pods that wait are tried again.
  void recompile(const std::function<DemandPtr(const Object&)>& compile, bus::Instant now);

 private:
  enum class Where : uint8_t { kActive, kBackingOff, kWaiting, kOut };
  // Sorts by who is first.
  struct Rank {
    int64_t less_priority = 0, created = 0;
    uint64_t arrived = 0;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };
  struct Item {
    Candidate candidate;
    Rank rank;
    Where where = Where::kActive;
    bool woken = false;         // the next of its class relies on it
    bus::Instant tried, until;  // `until`: the end of its backoff
  };
  struct Class {
    DemandPtr demand;
    Helps woken_by = kNothing;
    std::string reasons;  // of the last refusal, without its numbers
    bus::Instant tried;
    std::map<Rank, Item*> waiting;
  };

  void enter(Item& item, Where where);
  void leave(Item& item);
  Class& wait(Item& item, Helps woken_by, bus::Instant now);
  void try_again(Item& item, bus::Instant now);
  void wake_next(const Demand& demand, const std::vector<Revision>& causes, bus::Instant now);
  void wake_first(Class& c, const std::vector<Revision>& causes, bus::Instant now);
  void on_time(bus::Instant now);

  std::unordered_map<std::string, std::unique_ptr<Item>> items_;
  std::map<Rank, Item*> active_;
  std::map<std::pair<bus::Instant, Rank>, Item*> backing_off_;
  std::map<uint64_t, Class> classes_;                    // by Demand::serial
  std::set<std::pair<bus::Instant, uint64_t>> flushes_;  // by when the class was tried
  uint64_t arrivals_ = 0;
  size_t out_ = 0, waiting_ = 0;
};

bus::Duration backoff_after(int attempts);

}  // namespace kubus::scheduler
