// Taints keep away the Pods that do not tolerate them; those that only prefer so cost points.
#include <algorithm>
#include <charconv>
#include <optional>

#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {
namespace {

std::optional<int64_t> number(const std::string& text) {
  int64_t n = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

bool exceeds(const std::string& a, const std::string& b) {
  auto x = number(a), y = number(b);
  return x && y && *x > *y;
}

bool tolerates(const Toleration& t, const Taint& taint, const Names& names) {
  using Op = Toleration::Op;
  if (t.effect != Effect::kAny && t.effect != taint.effect) return false;
  if (t.key == kNoName) return t.op == Op::kExists;
  if (t.key != taint.key) return false;
  switch (t.op) {
    case Op::kExists:
      return true;
    case Op::kEqual:
      return t.value == taint.value;
    case Op::kGreater:
      return exceeds(names.text(taint.value), names.text(t.value));
    case Op::kLess:
      return exceeds(names.text(t.value), names.text(taint.value));
  }
  return false;
}

const Taint* untolerated(const Demand& demand, NodeRef node) {
  for (const Taint& taint : node.facts().taints) {
    if (taint.effect == Effect::kPreferNoSchedule) continue;
    if (!tolerated(demand, taint, node.in.names())) return &taint;
  }
  return nullptr;
}

bool always(const Demand&) {
  return true;
}

bool fits(const Demand& demand, NodeRef node) {
  return untolerated(demand, node) == nullptr;
}

void explain(const Demand& demand, NodeRef node, Reasons* out) {
  const Taint* taint = untolerated(demand, node);
  out->push_back("node(s) had untolerated taint {" + node.text(taint->key) + ": " +
                 node.text(taint->value) + "}");
}

int64_t count_disliked(const Demand& demand, NodeRef node) {
  const auto& taints = node.facts().taints;
  return std::count_if(taints.begin(), taints.end(), [&](const Taint& taint) {
    return taint.effect == Effect::kPreferNoSchedule && !tolerated(demand, taint, node.in.names());
  });
}

}  // namespace

bool tolerated(const Demand& demand, const Taint& taint, const Names& names) {
  return std::any_of(demand.tolerations.begin(), demand.tolerations.end(),
                     [&](const Toleration& t) { return tolerates(t, taint, names); });
}

const Filter kTaintToleration{.name = "TaintToleration",
                              .woken_by = kNodeAdded | kTaints,
                              .concerns = always,
                              .fits = fits,
                              .explain = explain};

const Score kTaintTolerationScore{.name = "TaintToleration",
                                  .kind = Score::Kind::kLowest,
                                  .concerns = always,
                                  .score = count_disliked};

}  // namespace kubus::scheduler
