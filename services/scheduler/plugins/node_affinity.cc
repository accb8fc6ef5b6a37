// spec.nodeSelector, and the required and preferred terms of spec.affinity.nodeAffinity.
#include <algorithm>
#include <charconv>

#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {
namespace {

bool compares(const std::string& text, const Requirement& r) {
  int64_t n = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failed != std::errc() || end != text.data() + text.size()) return false;
  return r.op == Requirement::Op::kGreater ? n > r.number : n < r.number;
}

bool holds(const Requirement& r, NodeRef node) {
  using Op = Requirement::Op;
  if (!r.valid) return false;
  std::optional<NameId> value = r.of_name ? node.facts().name : node.facts().label(r.key);
  bool in = value && std::binary_search(r.values.begin(), r.values.end(), *value);
  switch (r.op) {
    case Op::kIn:
      return in;
    case Op::kNotIn:
      return !in;
    case Op::kExists:
      return value.has_value();
    case Op::kDoesNotExist:
      return !value;
    case Op::kGreater:
    case Op::kLess:
      return value && compares(node.text(*value), r);
  }
  return false;
}

bool suits(const Term& term, NodeRef node) {
  return !term.empty() && std::all_of(term.begin(), term.end(),
                                      [&](const Requirement& r) { return holds(r, node); });
}

bool chooses(const Demand& demand) {
  return demand.has_required || !demand.selector.empty();
}

bool fits(const Demand& demand, NodeRef node) {
  for (auto [key, value] : demand.selector) {
    if (node.facts().label(key) != value) return false;
  }
  return !demand.has_required || std::any_of(demand.required.begin(), demand.required.end(),
                                             [&](const Term& term) { return suits(term, node); });
}

void explain(const Demand&, NodeRef, Reasons* out) {
  out->push_back("node(s) didn't match Pod's node affinity/selector");
}

bool prefers(const Demand& demand) {
  return !demand.preferred.empty();
}

int64_t liked(const Demand& demand, NodeRef node) {
  int64_t sum = 0;
  for (const Preference& p : demand.preferred) {
    if (suits(p.term, node)) sum += p.weight;
  }
  return sum;
}

}  // namespace

const Filter kNodeAffinity{.name = "NodeAffinity",
                           .woken_by = kNodeAdded | kLabels,
                           .concerns = chooses,
                           .fits = fits,
                           .explain = explain};

const Score kNodeAffinityScore{
    .name = "NodeAffinity", .kind = Score::Kind::kHighest, .concerns = prefers, .score = liked};

}  // namespace kubus::scheduler
