#include "services/scheduler/model/demand.h"

#include <algorithm>
#include <charconv>

#include "schemas/core/v1/pod_generated.h"

namespace kubus::scheduler {
namespace {

using core::v1::NodeSelectorRequirement;
using core::v1::NodeSelectorTerm;
using core::v1::PodSpec;

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

class Compiler {
 public:
  Compiler(const PodSpec& spec, Names& names) : spec_(spec), names_(names) {}

  void run(Demand* out) {
    out->node_name = names_.intern(view(spec_.node_name()));
    if (spec_.os()) out->os = names_.intern(view(spec_.os()->name()));
    if (spec_.node_selector()) {
      for (const auto* e : *spec_.node_selector())
        out->selector.emplace_back(names_.intern(view(e->key())), names_.intern(view(e->value())));
    }
    out->priority = spec_.priority().value_or(0);
    out->preempts = view(spec_.preemption_policy()) != "Never";
    affinity(out);
    tolerations(out);
    if (!spec_.containers()) return;
    out->containers = spec_.containers()->size();
    for (const auto* c : *spec_.containers())
      out->images.push_back(names_.intern(image_with_tag(view(c->image()))));
    std::sort(out->images.begin(), out->images.end());
  }

 private:
  void affinity(Demand* out) {
    const auto* affinity = spec_.affinity() ? spec_.affinity()->node_affinity() : nullptr;
    if (!affinity) return;
    if (const auto* must = affinity->required_during_scheduling_ignored_during_execution()) {
      out->has_required = true;
      if (const auto* terms = must->node_selector_terms()) {
        for (const auto* t : *terms) out->required.push_back(term(*t));
      }
    }
    if (const auto* likes = affinity->preferred_during_scheduling_ignored_during_execution()) {
      for (const auto* p : *likes) {
        if (p->preference())
          out->preferred.push_back({p->weight().value_or(0), term(*p->preference())});
      }
    }
  }

  Term term(const NodeSelectorTerm& t) {
    Term out;
    if (t.match_expressions()) {
      for (const auto* r : *t.match_expressions()) out.push_back(requirement(*r, false));
    }
    if (t.match_fields()) {
      for (const auto* r : *t.match_fields()) out.push_back(requirement(*r, true));
    }
    return out;
  }

  Requirement requirement(const NodeSelectorRequirement& r, bool of_field) {
    using Op = Requirement::Op;
    Requirement out;
    out.of_name = of_field;
    out.key = names_.intern(view(r.key()));
    out.valid = !of_field || view(r.key()) == "metadata.name";
    std::string_view op = view(r.operator_());
    if (op == "In") {
      out.op = Op::kIn;
    } else if (op == "NotIn") {
      out.op = Op::kNotIn;
    } else if (op == "Exists") {
      out.op = Op::kExists;
    } else if (op == "DoesNotExist") {
      out.op = Op::kDoesNotExist;
    } else if (op == "Gt" || op == "Lt") {
      out.op = op == "Gt" ? Op::kGreater : Op::kLess;
      out.valid &=
          r.values() && r.values()->size() == 1 && parse(view(r.values()->Get(0)), &out.number);
    } else {
      out.valid = false;
    }
    if (r.values()) {
      for (const auto* v : *r.values()) out.values.push_back(names_.intern(view(v)));
    }
    std::sort(out.values.begin(), out.values.end());
    return out;
  }

  static bool parse(std::string_view text, int64_t* number) {
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), *number);
    return failed == std::errc() && end == text.data() + text.size();
  }

  void tolerations(Demand* out) {
    if (!spec_.tolerations()) return;
    for (const auto* t : *spec_.tolerations()) {
      using Op = Toleration::Op;
      std::string_view op = view(t->operator_());
      out->tolerations.push_back({.key = names_.intern(view(t->key())),
                                  .value = names_.intern(view(t->value())),
                                  .op = op == "Exists" ? Op::kExists
                                        : op == "Gt"   ? Op::kGreater
                                        : op == "Lt"   ? Op::kLess
                                                       : Op::kEqual,
                                  .effect = effect_named(view(t->effect()))});
    }
  }

  const PodSpec& spec_;
  Names& names_;
};

Spread spread_of(const core::v1::TopologySpreadConstraint& c, const Folk& folk) {
  Spread out;
  out.topology_key = view(c.topology_key());
  out.max_skew = c.max_skew().value_or(1);
  out.min_domains = c.min_domains().value_or(1);
  out.hard = view(c.when_unsatisfiable()) != "ScheduleAnyway";
  out.by_affinity = view(c.node_affinity_policy()) != "Ignore";
  out.by_taints = view(c.node_taints_policy()) == "Honor";
  out.who.labels = label_term(c.label_selector());
  out.who.namespaces = {folk.ns};
  out.who.only_those_that_stay = true;
  if (c.match_label_keys()) {
    for (const auto* key : *c.match_label_keys()) {
      if (const std::string* value = value_of(folk.labels, view(key)))
        out.who.labels.all.push_back({key->str(), LabelRequirement::Op::kIn, {*value}});
    }
  }
  return out;
}

void look_around(const PodSpec* spec, const Folk& folk, Society& society, Demand* out) {
  out->terms = folk.terms;
  if (folk.terms) {
    const auto& own = folk.terms->affinity;
    out->meets_itself = std::all_of(
        own.begin(), own.end(), [&](const AffinityTerm& t) { return society.means(t.who, folk); });
  }
  out->bonds = society.bonds(folk);
  if (!spec || !spec->topology_spread_constraints()) return;
  for (const auto* c : *spec->topology_spread_constraints()) {
    out->spread.push_back(spread_of(*c, folk));
    out->spread.back().means_itself = society.means(out->spread.back().who, folk);
  }
}

// All fields of a Demand as bytes: equal exactly if the Demands are.
class Signature {
 public:
  explicit Signature(const Demand& d) {
    for (int64_t a : d.load.amounts) add(a);
    add(d.load.scored_cpu), add(d.load.scored_memory);
    add(d.load.extended.size());
    for (auto [name, amount] : d.load.extended) add(name), add(amount);
    add(d.load.ports.size());
    for (const HostPort& p : d.load.ports) add(p.ip), add(p.protocol), add(p.port);
    add(d.node_name), add(d.os), add(d.containers);
    add(d.selector.size());
    for (auto [key, value] : d.selector) add(key), add(value);
    add(d.has_required), add(d.required.size());
    for (const Term& t : d.required) add(t);
    add(d.preferred.size());
    for (const Preference& p : d.preferred) add(p.weight), add(p.term);
    add(d.tolerations.size());
    for (const Toleration& t : d.tolerations)
      add(t.key), add(t.value), add(static_cast<int>(t.op)), add(static_cast<int>(t.effect));
    add(d.images.size());
    for (NameId image : d.images) add(image);
    add(d.priority), add(d.preempts);
    add(d.terms ? d.terms->serial : 0), add(d.meets_itself);
    add(d.bonds.size());
    for (const Bond& b : d.bonds) add(b.terms->serial), add(b.number);
    for (const Spread& s : d.spread) add(s);
  }
  std::string take() { return std::move(bytes_); }

 private:
  template <class T>
  requires std::is_integral_v<T>
  void add(T number) {
    auto wide = static_cast<uint64_t>(number);
    bytes_.append(reinterpret_cast<const char*>(&wide), sizeof wide);
  }
  void add(const Term& term) {
    add(term.size());
    for (const Requirement& r : term) {
      add(static_cast<int>(r.op)), add(r.of_name), add(r.key), add(r.number), add(r.valid);
      add(r.values.size());
      for (NameId v : r.values) add(v);
    }
  }

  void add(const Spread& s) {
    add(s.max_skew), add(s.min_domains), add(s.topology_key.size());
    bytes_ += s.topology_key;
    add(s.hard), add(s.by_affinity), add(s.by_taints), add(s.means_itself);
    s.who.sign(&bytes_);
  }

  std::string bytes_;
};

}  // namespace

Effect effect_named(std::string_view name) {
  if (name == "NoSchedule") return Effect::kNoSchedule;
  if (name == "PreferNoSchedule") return Effect::kPreferNoSchedule;
  if (name == "NoExecute") return Effect::kNoExecute;
  return Effect::kAny;
}

std::string image_with_tag(std::string_view image) {
  size_t name = image.rfind('/');
  std::string_view last = name == std::string_view::npos ? image : image.substr(name);
  bool exact = last.find(':') != std::string_view::npos || last.find('@') != std::string_view::npos;
  return std::string(image) + (exact || image.empty() ? "" : ":latest");
}

DemandPtr Demands::of(const Object& pod, const Folk& folk, Names& names, Society& society) {
  auto demand = std::make_shared<Demand>();
  demand->load = load_of(pod, names);
  if (const PodSpec* spec = pod.as<core::v1::Pod>()->spec()) {
    Compiler(*spec, names).run(demand.get());
  }
  look_around(pod.as<core::v1::Pod>()->spec(), folk, society, demand.get());
  std::weak_ptr<const Demand>& known = known_[Signature(*demand).take()];
  if (DemandPtr same = known.lock()) return same;
  demand->serial = next_++;
  known = demand;
  if (known_.size() > most_) forget_the_dead();
  return demand;
}

void Demands::forget_the_dead() {
  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  most_ = std::max<size_t>(1024, 2 * known_.size());
}

}  // namespace kubus::scheduler
