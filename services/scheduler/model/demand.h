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
};
using DemandPtr = std::shared_ptr<const Demand>;

class Demands {
 public:
  // The Demand of this Pod, shared with all that want the same and live.
  DemandPtr of(const Object& pod, Names& names);
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
