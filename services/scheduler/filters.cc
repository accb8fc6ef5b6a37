#include "services/scheduler/filters.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "schemas/core/v1/node_generated.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/quantity.h"

namespace kubus::scheduler {
namespace {

using core::v1::NodeSelectorRequirement;
using core::v1::NodeSelectorTerm;
using core::v1::PodSpec;
using core::v1::Toleration;
using Why = std::optional<std::string>;

constexpr std::string_view kNotReadyTaint = "node.kubernetes.io/not-ready";
constexpr std::string_view kUnschedulableTaint = "node.kubernetes.io/unschedulable";

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

const PodSpec* spec_of(const Object& pod) {
  return pod.as<core::v1::Pod>()->spec();
}
const core::v1::NodeSpec* node_spec(const NodeLoad& node) {
  return node.node.as<core::v1::Node>()->spec();
}
const core::v1::NodeStatus* node_status(const NodeLoad& node) {
  return node.node.as<core::v1::Node>()->status();
}

bool tolerates(const Toleration& t, std::string_view key, std::string_view value,
               std::string_view effect) {
  if (!view(t.effect()).empty() && view(t.effect()) != effect) return false;
  if (!view(t.key()).empty() && view(t.key()) != key) return false;
  std::string_view op = view(t.operator_());
  if (op == "Exists") return true;
  return (op.empty() || op == "Equal") && !view(t.key()).empty() && view(t.value()) == value;
}

bool tolerated(const Object& pod, std::string_view key, std::string_view value,
               std::string_view effect) {
  const PodSpec* spec = spec_of(pod);
  if (!spec || !spec->tolerations()) return false;
  return std::any_of(spec->tolerations()->begin(), spec->tolerations()->end(),
                     [&](const Toleration* t) { return tolerates(*t, key, value, effect); });
}

Why node_unschedulable(const Object& pod, const NodeLoad& node) {
  const auto* spec = node_spec(node);
  if (!spec || !spec->unschedulable().value_or(false)) return std::nullopt;
  if (tolerated(pod, kUnschedulableTaint, "", "NoSchedule")) return std::nullopt;
  return "node(s) were unschedulable";
}

Why node_ready(const Object&, const NodeLoad& node) {
  const auto* status = node_status(node);
  if (!status || !status->conditions()) return std::nullopt;
  for (const auto* c : *status->conditions()) {
    if (view(c->type()) == "Ready" && view(c->status()) != "True") return "node(s) were not ready";
  }
  return std::nullopt;
}

bool is_ready(const NodeLoad& node) {
  const auto* status = node_status(node);
  if (!status || !status->conditions()) return false;
  for (const auto* c : *status->conditions()) {
    if (view(c->type()) == "Ready") return view(c->status()) == "True";
  }
  return false;
}

// A new Node is tainted as not ready; once it says that it is, that taint is history.
bool outdated(const core::v1::Taint& taint, const NodeLoad& node) {
  return view(taint.key()) == kNotReadyTaint && is_ready(node);
}

Why taint_toleration(const Object& pod, const NodeLoad& node) {
  const auto* spec = node_spec(node);
  if (!spec || !spec->taints()) return std::nullopt;
  for (const auto* t : *spec->taints()) {
    std::string_view key = view(t->key()), value = view(t->value()), effect = view(t->effect());
    if (effect == "PreferNoSchedule" || outdated(*t, node)) continue;
    if (tolerated(pod, key, value, effect)) continue;
    return "node(s) had untolerated taint {" + std::string(key) + ": " + std::string(value) + "}";
  }
  return std::nullopt;
}

bool in(std::string_view text, const NodeSelectorRequirement& r) {
  return r.values() && std::any_of(r.values()->begin(), r.values()->end(),
                                   [&](const flatbuffers::String* v) { return view(v) == text; });
}

std::optional<int64_t> number(std::string_view text) {
  int64_t n = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

bool compares(std::string_view text, const NodeSelectorRequirement& r, bool greater) {
  if (!r.values() || r.values()->size() != 1) return false;
  auto a = number(text), b = number(view(r.values()->Get(0)));
  return a && b && (greater ? *a > *b : *a < *b);
}

bool holds(const NodeSelectorRequirement& r, std::optional<std::string_view> value) {
  std::string_view op = view(r.operator_());
  if (op == "Exists") return value.has_value();
  if (op == "DoesNotExist") return !value;
  if (op == "NotIn") return !value || !in(*value, r);
  if (!value) return false;
  if (op == "In") return in(*value, r);
  if (op == "Gt" || op == "Lt") return compares(*value, r, op == "Gt");
  return false;
}

// An empty term suits no node.
bool suits(const NodeSelectorTerm& term, const Object& node) {
  bool any = false;
  if (term.match_expressions()) {
    for (const auto* r : *term.match_expressions()) {
      any = true;
      if (!holds(*r, node.label(view(r->key())))) return false;
    }
  }
  if (term.match_fields()) {
    for (const auto* r : *term.match_fields()) {
      any = true;
      if (view(r->key()) != "metadata.name" || !holds(*r, node.name())) return false;
    }
  }
  return any;
}

bool affinity_suits(const PodSpec& spec, const Object& node) {
  const auto* affinity = spec.affinity() ? spec.affinity()->node_affinity() : nullptr;
  const auto* required =
      affinity ? affinity->required_during_scheduling_ignored_during_execution() : nullptr;
  if (!required) return true;
  const auto* terms = required->node_selector_terms();
  return terms && std::any_of(terms->begin(), terms->end(),
                              [&](const NodeSelectorTerm* t) { return suits(*t, node); });
}

Why node_affinity(const Object& pod, const NodeLoad& node) {
  const PodSpec* spec = spec_of(pod);
  if (!spec) return std::nullopt;
  bool suited = affinity_suits(*spec, node.node);
  if (spec->node_selector()) {
    for (const auto* e : *spec->node_selector()) {
      suited &= node.node.label(view(e->key())) == view(e->value());
    }
  }
  if (suited) return std::nullopt;
  return "node(s) didn't match Pod's node affinity/selector";
}

// What is not told is not limited.
std::optional<Quantity> allocatable(const NodeLoad& node, std::string_view key) {
  const auto* status = node_status(node);
  if (!status || !status->allocatable()) return std::nullopt;
  for (const auto* e : *status->allocatable()) {
    if (view(e->key()) == key) return Quantity::parse(view(e->value()));
  }
  return std::nullopt;
}

Why node_resources_fit(const Object& pod, const NodeLoad& node) {
  Resources wants = requests_of(pod);
  if (auto pods = allocatable(node, "pods"); pods && node.used.pods + 1 > pods->units()) {
    return "Too many pods";
  }
  auto cpu = allocatable(node, "cpu");
  if (cpu && wants.cpu_milli > 0 && node.used.cpu_milli + wants.cpu_milli > cpu->milli()) {
    return "Insufficient cpu";
  }
  auto memory = allocatable(node, "memory");
  if (memory && wants.memory > 0 && node.used.memory + wants.memory > memory->units()) {
    return "Insufficient memory";
  }
  return std::nullopt;
}

constexpr std::array kFilters = {
    Filter{"NodeUnschedulable", node_unschedulable}, Filter{"NodeReady", node_ready},
    Filter{"TaintToleration", taint_toleration},     Filter{"NodeAffinity", node_affinity},
    Filter{"NodeResourcesFit", node_resources_fit},
};

}  // namespace

std::span<const Filter> filters() {
  return kFilters;
}

}  // namespace kubus::scheduler
