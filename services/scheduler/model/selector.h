// Which Pods somebody means: by their labels and by the namespaces that they are in. Compiled, and
// the owner of its texts. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/lib/object.h"

namespace kubus::meta::v1 {
struct LabelSelector;
}

namespace kubus::scheduler {

using Labels = std::vector<std::pair<std::string, std::string>>;  // sorted by key

struct LabelRequirement {
  enum class Op : uint8_t { kIn, kNotIn, kExists, kDoesNotExist };
  std::string key;
  Op op = Op::kIn;
  std::vector<std::string> values;
};

// All of its requirements; none: everything.
struct LabelTerm {
  bool nothing = false;
  std::vector<LabelRequirement> all;
  bool matches(const Labels& labels) const;
};

struct PodSelector {
  LabelTerm labels;
  std::vector<std::string> namespaces;  // in one of these …
  bool by_namespace_labels = false;     // … or in one whose labels match the next
  LabelTerm namespace_labels;
  bool only_those_that_stay = false;  // Pods that are ending do not count

  // Of two that are equal, and of no others.
  void sign(std::string* out) const;
};

// nullptr: nothing. An operator that nobody knows matches nothing.
LabelTerm label_term(const meta::v1::LabelSelector* selector);
Labels labels_of(const Object& object);
const std::string* value_of(const Labels& labels, std::string_view key);

}  // namespace kubus::scheduler
