#include "services/controllers/replicaset/plan.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "schemas/core/v1/pod_generated.h"
#include "services/controllers/owners.h"
#include "services/controllers/pods.h"
#include "services/controllers/values.h"

namespace kubus::controllers::replicaset {
namespace {

namespace json = boost::json;

constexpr size_t kLongestPrefix = 253 - 5;

bool matches(const selectors::LabelSelector& selector, const Object& pod) {
  return selector.matches([&](std::string_view key) { return pod.label(key); });
}

std::string node_of(const Object& pod) {
  return pod.field("spec.nodeName").value_or("");
}

int phase_rank(const Object& pod) {
  std::string phase = pod.field("status.phase").value_or("");
  return phase == "Running" ? 2 : phase == "Unknown" ? 1 : 0;
}

// Those that cost least to lose come first.
void sort_for_removal(std::vector<Object>* pods, int64_t now) {
  std::map<std::string, int> on_node;
  for (const Object& p : *pods) ++on_node[node_of(p)];
  auto rank = [&](const Object& p) {
    std::string node = node_of(p);
    auto since = ready_since(p);
    return std::make_tuple(!node.empty(), phase_rank(p), since.has_value(), deletion_cost(p),
                           -on_node[node], since ? now - *since : 0, -restarts(p),
                           -p.meta().creation_timestamp().value_or(0), std::string(p.name()));
  };
  std::vector<std::pair<decltype(rank(pods->front())), Object>> ranked;
  for (Object& p : *pods) ranked.emplace_back(rank(p), std::move(p));
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  pods->clear();
  for (auto& [r, p] : ranked) pods->push_back(std::move(p));
}

struct Counts {
  int64_t replicas = 0, labelled = 0, ready = 0, available = 0, terminating = 0;
};

class Planner {
 public:
  Planner(const Observed& o, int64_t now)
      : o_(o),
        now_(now),
        spec_(object_in(o.value, "spec")),
        wanted_(int_in(spec_, "replicas").value_or(1)),
        min_ready_(int_in(spec_, "minReadySeconds").value_or(0)) {}

  Plan run() {
    sort_pods();
    int64_t missing = wanted_ - static_cast<int64_t>(active_.size());
    if (!o_.set.terminating()) {
      if (missing > 0) plan_.create = static_cast<int>(missing);
      if (missing < 0) remove(static_cast<size_t>(-missing));
    }
    count();
    report();
    return std::move(plan_);
  }

 private:
  void sort_pods() {
    for (const Object& p : o_.pods) {
      if (!matches(o_.selector, p)) {
        if (!o_.set.terminating()) plan_.release.push_back(p);
      } else if (active(p)) {
        active_.push_back(p);
      } else if (p.terminating()) {
        ++counts_.terminating;
      }
    }
    if (o_.set.terminating()) return;
    for (const Object& p : o_.orphans) {
      if (!active(p) || !matches(o_.selector, p)) continue;
      plan_.adopt.push_back(p);
      active_.push_back(p);
    }
  }

  void remove(size_t many) {
    std::vector<Object> candidates = active_;
    sort_for_removal(&candidates, now_);
    candidates.resize(many);
    // One that is only being adopted is removed in the next pass.
    std::erase_if(candidates, [](const Object& p) { return !controller_of(p); });
    plan_.remove = std::move(candidates);
  }

  void count() {
    const json::object& labels =
        object_in(object_in(object_in(spec_, "template"), "metadata"), "labels");
    counts_.replicas = static_cast<int64_t>(active_.size());
    for (const Object& p : active_) {
      bool all = std::all_of(labels.begin(), labels.end(), [&](const auto& l) {
        return l.value().is_string() &&
               p.label(l.key()) == std::string_view(l.value().get_string());
      });
      if (all) ++counts_.labelled;
      auto since = ready_since(p);
      if (!since) continue;
      ++counts_.ready;
      if (available(p, min_ready_, now_)) {
        ++counts_.available;
      } else {
        int64_t left = std::max<int64_t>(1, *since + min_ready_ - now_);
        plan_.look_in = std::min(plan_.look_in.value_or(left), left);
      }
    }
  }

  void report() {
    const json::object& old = object_in(o_.value, "status");
    json::object status = {{"replicas", counts_.replicas},
                           {"fullyLabeledReplicas", counts_.labelled},
                           {"readyReplicas", counts_.ready},
                           {"availableReplicas", counts_.available},
                           {"terminatingReplicas", counts_.terminating},
                           {"observedGeneration", o_.set.generation()}};
    bool same = std::all_of(status.begin(), status.end(), [&](const auto& f) {
      return int_in(old, f.key()).value_or(0) == f.value().as_int64();
    });
    json::array conditions = array_in(old, "conditions");
    bool turned = set_failure(&conditions);
    if (same && !turned) return;
    if (turned) status["conditions"] = std::move(conditions);
    plan_.status_patch = json::serialize(json::object{{"status", std::move(status)}});
  }

  bool set_failure(json::array* conditions) const {
    auto* at = std::find_if(conditions->begin(), conditions->end(), [](const json::value& c) {
      return text_in(c.as_object(), "type") == "ReplicaFailure";
    });
    if (!o_.failure) {
      if (at == conditions->end()) return false;
      conditions->erase(at);
      return true;
    }
    if (at != conditions->end() && text_in(at->as_object(), "message") == o_.failure->message) {
      return false;
    }
    if (at != conditions->end()) conditions->erase(at);
    conditions->push_back(json::object{{"type", "ReplicaFailure"},
                                       {"status", "True"},
                                       {"lastTransitionTime", time_text(now_)},
                                       {"reason", o_.failure->reason},
                                       {"message", o_.failure->message}});
    return true;
  }

  const Observed& o_;
  int64_t now_;
  const json::object& spec_;
  int64_t wanted_, min_ready_;
  std::vector<Object> active_;
  Counts counts_;
  Plan plan_;
};

}  // namespace

Plan plan(const Observed& observed, int64_t now) {
  return Planner(observed, now).run();
}

std::string pod_prefix(const Object& set) {
  return std::string(set.name()).substr(0, kLongestPrefix - 1) + "-";
}

json::object pod_of(const Object& set, const json::object& value, const std::string& name) {
  const json::object& pod_template = object_in(object_in(value, "spec"), "template");
  const json::object& from = object_in(pod_template, "metadata");
  json::object meta = {{"name", name},
                       {"generateName", pod_prefix(set)},
                       {"ownerReferences", json::array{controller_ref(set)}}};
  for (const char* part : {"labels", "annotations", "finalizers"}) {
    if (const json::value* v = from.if_contains(part)) meta[part] = *v;
  }
  return {{"metadata", std::move(meta)}, {"spec", object_in(pod_template, "spec")}};
}

}  // namespace kubus::controllers::replicaset
