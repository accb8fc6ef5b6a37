#include "services/scheduler/model/selector.h"

#include <algorithm>

#include "schemas/meta/v1/meta_generated.h"

namespace kubus::scheduler {
namespace {

using Op = LabelRequirement::Op;

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

bool holds(const LabelRequirement& r, const Labels& labels) {
  const std::string* value = value_of(labels, r.key);
  bool in = value && std::find(r.values.begin(), r.values.end(), *value) != r.values.end();
  switch (r.op) {
    case Op::kIn:
      return in;
    case Op::kNotIn:
      return !in;
    case Op::kExists:
      return value != nullptr;
    case Op::kDoesNotExist:
      return value == nullptr;
  }
  return false;
}

bool op_named(std::string_view name, Op* op) {
  if (name == "In") return *op = Op::kIn, true;
  if (name == "NotIn") return *op = Op::kNotIn, true;
  if (name == "Exists") return *op = Op::kExists, true;
  if (name == "DoesNotExist") return *op = Op::kDoesNotExist, true;
  return false;
}

void sign_text(std::string_view text, std::string* out) {
  *out += std::to_string(text.size());
  *out += ':';
  *out += text;
}

void sign_term(const LabelTerm& term, std::string* out) {
  *out += term.nothing ? '!' : '?';
  for (const LabelRequirement& r : term.all) {
    *out += static_cast<char>('a' + static_cast<int>(r.op));
    sign_text(r.key, out);
    for (const std::string& v : r.values) sign_text(v, out);
  }
  *out += ';';
}

}  // namespace

bool LabelTerm::matches(const Labels& labels) const {
  return !nothing && std::all_of(all.begin(), all.end(),
                                 [&](const LabelRequirement& r) { return holds(r, labels); });
}

void PodSelector::sign(std::string* out) const {
  sign_term(labels, out);
  for (const std::string& ns : namespaces) sign_text(ns, out);
  *out += by_namespace_labels ? '+' : '-';
  sign_term(namespace_labels, out);
  *out += only_those_that_stay ? 's' : 'e';
}

LabelTerm label_term(const meta::v1::LabelSelector* selector) {
  LabelTerm out;
  out.nothing = selector == nullptr;
  if (selector && selector->match_labels()) {
    for (const auto* e : *selector->match_labels())
      out.all.push_back({std::string(view(e->key())), Op::kIn, {std::string(view(e->value()))}});
  }
  if (selector && selector->match_expressions()) {
    for (const auto* e : *selector->match_expressions()) {
      LabelRequirement r{.key = std::string(view(e->key())), .values = {}};
      out.nothing |= !op_named(view(e->operator_()), &r.op);
      if (e->values()) {
        for (const auto* v : *e->values()) r.values.emplace_back(view(v));
      }
      out.all.push_back(std::move(r));
    }
  }
  return out;
}

Labels labels_of(const Object& object) {
  Labels out;
  const auto* labels = object.meta().labels();
  if (!labels) return out;
  for (const auto* e : *labels) out.emplace_back(view(e->key()), view(e->value()));
  std::sort(out.begin(), out.end());
  return out;
}

const std::string* value_of(const Labels& labels, std::string_view key) {
  auto at = std::lower_bound(labels.begin(), labels.end(), key,
                             [](const auto& entry, std::string_view k) { return entry.first < k; });
  return at != labels.end() && at->first == key ? &at->second : nullptr;
}

}  // namespace kubus::scheduler
