// What a Pod wants of a node, compiled once: texts are numbers, quantities are counted. Pods that
// want the same share one Demand, and with it all that is worked out about the nodes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "schemas/lib/object.h"
#include "services/scheduler/model/load.h"
#include "services/scheduler/model/names.h"
#include "services/scheduler/model/society.h"

namespace kubus::scheduler {

enum class Effect : uint8_t { kAny, kNoSchedule, kPreferNoSchedule, kNoExecute };

// "" and what is unknown: kAny.
Effect effect_named(std::string_view name);

struct Toleration {
  enum class Op : uint8_t { kEqual, kExists, kGreater, kLess };
  NameId key = kNoName;  // kNoName with kExists: every taint
  NameId value = kNoName;
  Op op = Op::kEqual;
  Effect effect = Effect::kAny;
};

struct Requirement {
  enum class Op : uint8_t { kIn, kNotIn, kExists, kDoesNotExist, kGreater, kLess };
  Op op = Op::kIn;
  bool of_name = false;  // about the node's name instead of a label
  NameId key = kNoName;
  std::vector<NameId> values;  // sorted
  int64_t number = 0;          // of kGreater and kLess
  bool valid = true;           // false: nothing meets it
};
using Term = std::vector<Requirement>;  // all of them; an empty term suits no node

struct Preference {
  int32_t weight = 0;
  Term term;
};

// How evenly the Pods that a selector means shall lie over parts of the cluster.
struct Spread {
  PodSelector who;
  std::string topology_key;
  int32_t max_skew = 1, min_domains = 1;
  bool hard = true;         // else it only counts for points
  bool by_affinity = true;  // nodes that the Pod's affinity rules out do not count
  bool by_taints = false;   // nor do those whose taints it does not tolerate
  bool means_itself = false;
};

struct Demand {
  uint64_t serial = 0;  // one more for each Demand made: an order that does not depend on memory
  Load load;
  NameId node_name = kNoName;
  NameId os = kNoName;
  std::vector<std::pair<NameId, NameId>> selector;
  bool has_required = false;
  std::vector<Term> required;  // one of them
  std::vector<Preference> preferred;
  std::vector<Toleration> tolerations;
  std::vector<NameId> images;  // with a tag, sorted
  size_t containers = 0;
  int32_t priority = 0;
  bool preempts = true;
  // ---- about neighbours ----
  TermsPtr terms;            // null: it says nothing
  bool meets_itself = true;  // such a Pod is what its own required affinity asks for
  std::vector<Bond> bonds;   // what others say about such a Pod
  std::vector<Spread> spread;
  // Whether it matters to it which Pods are where.
  bool looks_around() const { return terms || !bonds.empty() || !spread.empty(); }
};
using DemandPtr = std::shared_ptr<const Demand>;

class Demands {
 public:
  // The Demand of this Pod, shared with all that want the same and live. It holds for as long as
  // `society` knows no more bonds of the Pod's Folk.
  DemandPtr of(const Object& pod, const Folk& folk, Names& names, Society& society);
  DemandPtr of(const Object& pod, Names& names, Society& society) {
    return of(pod, *society.folk_of(pod), names, society);
  }
  size_t size() const { return known_.size(); }

 private:
  void forget_the_dead();

  std::unordered_map<std::string, std::weak_ptr<const Demand>> known_;  // by all its fields
  uint64_t next_ = 1;
  size_t most_ = 1024;  // beyond it, the dead go
};

// "nginx" is looked for as "nginx:latest".
std::string image_with_tag(std::string_view image);

}  // namespace kubus::scheduler
