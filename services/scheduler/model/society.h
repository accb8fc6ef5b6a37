// Pods as other Pods see them: their namespace, labels and what they say about their neighbours.
// Pods that are the same in all of that are one Folk. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "schemas/lib/object.h"
#include "services/scheduler/model/selector.h"

namespace kubus::scheduler {

using Row = uint32_t;

struct AffinityTerm {
  PodSelector who;
  std::string topology_key;
  int32_t weight = 0;  // of a preference; below 0: rather not
};

// What a Pod says of affinity and anti-affinity to others.
struct Terms {
  uint64_t serial = 0;
  std::vector<AffinityTerm> affinity, anti_affinity, preferred;
};
using TermsPtr = std::shared_ptr<const Terms>;

// One term of others that means Pods of a Folk.
struct Bond {
  enum class Kind : uint8_t { kKeepsAway, kLikes };
  TermsPtr terms;
  Kind kind = Kind::kLikes;
  const AffinityTerm* term = nullptr;  // in `terms`
  size_t number = 0;                   // of the term among all that `terms` has
  int32_t weight = 0;                  // of kLikes
};

struct Folk {
  uint64_t serial = 0;
  std::string ns;
  Labels labels;
  bool going = false;  // is ending
  TermsPtr terms;      // null: says nothing
  // Kept by the Snapshot: how many are on each row; how many have only been promised it.
  mutable std::unordered_map<Row, int32_t> rows, promised;
  // Kept by the Society.
  mutable std::vector<Bond> bonds;
  mutable uint64_t asked = 0;  // terms up to this serial have been looked at
};
using FolkPtr = std::shared_ptr<const Folk>;

class Society {
 public:
  Society() = default;
  Society(const Society&) = delete;

  FolkPtr folk_of(const Object& pod);
  // All terms known by now that mean such Pods. Only ever grows, but see set_namespace().
  const std::vector<Bond>& bonds(const Folk& folk);
  bool means(const PodSelector& selector, const Folk& folk) const;

  // True: some term looks at labels of namespaces, and those have changed. All that was worked out
  // about who is meant is void then.
  bool set_namespace(const Object& ns);
  bool remove_namespace(std::string_view name);

  template <class F>
  void each(F&& f) const {
    for (const auto& [signature, weak] : folks_) {
      if (FolkPtr folk = weak.lock()) f(folk);
    }
  }
  size_t size() const { return folks_.size(); }

 private:
  TermsPtr terms_of(const Object& pod, const Labels& labels);
  void forget_the_dead();
  bool void_bonds();

  std::unordered_map<std::string, std::weak_ptr<const Folk>> folks_;
  std::unordered_map<std::string, std::weak_ptr<const Terms>> terms_;
  std::vector<std::weak_ptr<const Terms>> in_order_;  // by serial
  std::map<std::string, Labels, std::less<>> namespaces_;
  std::string signature_;  // of the Folk that is looked for
  uint64_t next_folk_ = 1, next_terms_ = 1;
  size_t most_ = 4096;  // folks and terms; beyond it, the dead go
  bool looks_at_namespaces_ = false;
};

}  // namespace kubus::scheduler
