#include "services/scheduler/model/society.h"

#include <algorithm>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus::scheduler {
namespace {

using core::v1::PodAffinityTerm;
using Op = LabelRequirement::Op;
template <class T>
using Vec = flatbuffers::Vector<flatbuffers::Offset<T>>;

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

void add_keys(const Vec<flatbuffers::String>* keys, Op op, const Labels& own, LabelTerm* out) {
  if (!keys) return;
  for (const auto* key : *keys) {
    if (const std::string* value = value_of(own, view(key)))
      out->all.push_back({std::string(view(key)), op, {*value}});
  }
}

AffinityTerm compile(const PodAffinityTerm& t, std::string_view ns, const Labels& own) {
  AffinityTerm out;
  out.topology_key = view(t.topology_key());
  out.who.labels = label_term(t.label_selector());
  add_keys(t.match_label_keys(), Op::kIn, own, &out.who.labels);
  add_keys(t.mismatch_label_keys(), Op::kNotIn, own, &out.who.labels);
  if (t.namespaces()) {
    for (const auto* n : *t.namespaces()) out.who.namespaces.emplace_back(view(n));
  }
  out.who.by_namespace_labels = t.namespace_selector() != nullptr;
  if (out.who.by_namespace_labels) {
    out.who.namespace_labels = label_term(t.namespace_selector());
  } else if (out.who.namespaces.empty()) {
    out.who.namespaces.emplace_back(ns);
  }
  return out;
}

class Compiler {
 public:
  Compiler(std::string_view ns, const Labels& labels) : ns_(ns), labels_(labels) {}

  void required(const Vec<PodAffinityTerm>* list, std::vector<AffinityTerm>* out) const {
    if (!list) return;
    for (const auto* t : *list) out->push_back(compile(*t, ns_, labels_));
  }
  void preferred(const Vec<core::v1::WeightedPodAffinityTerm>* list, int32_t sign,
                 std::vector<AffinityTerm>* out) const {
    if (!list) return;
    for (const auto* w : *list) {
      if (!w->pod_affinity_term()) continue;
      out->push_back(compile(*w->pod_affinity_term(), ns_, labels_));
      out->back().weight = sign * w->weight().value_or(0);
    }
  }

 private:
  std::string_view ns_;
  const Labels& labels_;
};

void sign(const std::vector<AffinityTerm>& list, std::string* out) {
  *out += '[';
  for (const AffinityTerm& t : list) {
    t.who.sign(out);
    *out += std::to_string(t.weight) + ',' + std::to_string(t.topology_key.size()) + ':';
    *out += t.topology_key;
  }
  *out += ']';
}

bool looks_at_namespaces(const std::vector<AffinityTerm>& list) {
  return std::any_of(list.begin(), list.end(), [](const AffinityTerm& t) {
    return t.who.by_namespace_labels && !t.who.namespace_labels.all.empty();
  });
}

bool says_something(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  const auto* affinity = spec ? spec->affinity() : nullptr;
  return affinity && (affinity->pod_affinity() || affinity->pod_anti_affinity());
}

void sign(const Object& pod, const TermsPtr& terms, std::string* out) {
  *out = pod.ns();
  *out += pod.terminating() ? '\1' : '\0';
  *out += std::to_string(terms ? terms->serial : 0);
  const auto* labels = pod.meta().labels();
  if (!labels) return;
  for (const auto* e : *labels) {
    *out += '\0';
    *out += view(e->key());
    *out += '=';
    *out += view(e->value());
  }
}

}  // namespace

FolkPtr Society::folk_of(const Object& pod) {
  TermsPtr terms = says_something(pod) ? terms_of(pod, labels_of(pod)) : nullptr;
  sign(pod, terms, &signature_);
  std::weak_ptr<const Folk>& known = folks_[signature_];
  if (FolkPtr same = known.lock()) return same;
  auto folk = std::make_shared<Folk>();
  folk->serial = next_folk_++;
  folk->ns = pod.ns();
  folk->labels = labels_of(pod);
  folk->going = pod.terminating();
  folk->terms = std::move(terms);
  known = folk;
  if (folks_.size() + terms_.size() > most_) forget_the_dead();
  return folk;
}

TermsPtr Society::terms_of(const Object& pod, const Labels& labels) {
  const auto* affinity = pod.as<core::v1::Pod>()->spec()->affinity();
  auto terms = std::make_shared<Terms>();
  Compiler compiler(pod.ns(), labels);
  if (const auto* a = affinity->pod_affinity()) {
    compiler.required(a->required_during_scheduling_ignored_during_execution(), &terms->affinity);
    compiler.preferred(a->preferred_during_scheduling_ignored_during_execution(), 1,
                       &terms->preferred);
  }
  if (const auto* a = affinity->pod_anti_affinity()) {
    compiler.required(a->required_during_scheduling_ignored_during_execution(),
                      &terms->anti_affinity);
    compiler.preferred(a->preferred_during_scheduling_ignored_during_execution(), -1,
                       &terms->preferred);
  }
  if (terms->affinity.empty() && terms->anti_affinity.empty() && terms->preferred.empty())
    return nullptr;
  std::string signature;
  for (const auto* list : {&terms->affinity, &terms->anti_affinity, &terms->preferred}) {
    sign(*list, &signature);
    looks_at_namespaces_ |= looks_at_namespaces(*list);
  }
  std::weak_ptr<const Terms>& known = terms_[signature];
  if (TermsPtr same = known.lock()) return same;
  terms->serial = next_terms_++;
  known = terms;
  in_order_.push_back(terms);
  return terms;
}

// A term that must be met counts, for those it means, as much as the weakest preference.
const std::vector<Bond>& Society::bonds(const Folk& folk) {
  if (folk.asked + 1 == next_terms_) return folk.bonds;
  for (size_t i = in_order_.size(); i-- > 0;) {
    TermsPtr terms = in_order_[i].lock();
    if (!terms) continue;
    if (terms->serial <= folk.asked) break;
    size_t number = 0;
    auto add = [&](const std::vector<AffinityTerm>& list, Bond::Kind kind, int32_t weight) {
      for (const AffinityTerm& t : list) {
        if (means(t.who, folk))
          folk.bonds.push_back({terms, kind, &t, number, weight != 0 ? weight : t.weight});
        ++number;
      }
    };
    add(terms->anti_affinity, Bond::Kind::kKeepsAway, 1);
    add(terms->affinity, Bond::Kind::kLikes, 1);
    add(terms->preferred, Bond::Kind::kLikes, 0);
  }
  folk.asked = next_terms_ - 1;
  std::stable_sort(folk.bonds.begin(), folk.bonds.end(),
                   [](const Bond& a, const Bond& b) { return a.terms->serial < b.terms->serial; });
  return folk.bonds;
}

bool Society::means(const PodSelector& selector, const Folk& folk) const {
  if (selector.only_those_that_stay && folk.going) return false;
  if (!selector.labels.matches(folk.labels)) return false;
  const auto& named = selector.namespaces;
  if (std::find(named.begin(), named.end(), folk.ns) != named.end()) return true;
  if (!selector.by_namespace_labels) return false;
  static const Labels kNone;
  auto at = namespaces_.find(folk.ns);
  return selector.namespace_labels.matches(at == namespaces_.end() ? kNone : at->second);
}

bool Society::set_namespace(const Object& ns) {
  Labels labels = labels_of(ns);
  auto [at, fresh] = namespaces_.try_emplace(std::string(ns.name()));
  if (!fresh && at->second == labels) return false;
  at->second = std::move(labels);
  return void_bonds();
}

bool Society::remove_namespace(std::string_view name) {
  auto at = namespaces_.find(name);
  if (at == namespaces_.end()) return false;
  namespaces_.erase(at);
  return void_bonds();
}

bool Society::void_bonds() {
  if (!looks_at_namespaces_) return false;
  each([](const FolkPtr& folk) {
    folk->bonds.clear();
    folk->asked = 0;
  });
  return true;
}

void Society::forget_the_dead() {
  auto dead = [](const auto& entry) { return entry.second.expired(); };
  std::erase_if(folks_, dead);
  std::erase_if(terms_, dead);
  std::erase_if(in_order_, [](const auto& weak) { return weak.expired(); });
  most_ = std::max<size_t>(4096, 2 * (folks_.size() + terms_.size()));
}

}  // namespace kubus::scheduler
