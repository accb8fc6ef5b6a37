#include "services/controllers/replicaset/replicaset.h"

#include "bus/kit/requests.h"
#include "schemas/lib/codec/codec.h"
#include "services/controllers/values.h"

namespace kubus::controllers::replicaset {
namespace {

namespace json = boost::json;

constexpr size_t kOperations = 256;        // of one request
constexpr size_t kRequestBytes = 1 << 20;  // about
constexpr size_t kSuffix = 5;

}  // namespace

ReplicaSets::ReplicaSets(Shared& shared)
    : ports_(shared.ports),
      sets_(shared.informers.of("apps", "replicasets")),
      pods_(shared.informers.of("", "pods")),
      index_(pods_),
      recorder_(shared.ports, shared.client, {.component = "replicaset-controller"}),
      reconciler_(shared.ports, shared.client, {.name = "replicaset"}, {&sets_, &pods_},
                  [this](kit::Pass& pass) { reconcile(pass); }) {
  sets_.on_change([this](const kit::Informer::Change& c) { on_set(c); });
  pods_.on_change([this](const kit::Informer::Change& c) { on_pod(c); });
}

// ---- ways in ----

void ReplicaSets::on_set(const kit::Informer::Change& change) {
  if (change.now) return reconciler_.add(key_of(change.now), revision_of(change));
  if (!change.before) return;
  selectors_.erase(key_of(change.before));
  failures_.erase(key_of(change.before));
}

void ReplicaSets::on_pod(const kit::Informer::Change& change) {
  Revision revision = revision_of(change);
  if (change.before) wake_owner(change.before, revision);
  if (!change.now) return;
  wake_owner(change.now, revision);
  if (!controller_of(change.now) && !change.now.terminating()) wake_matching(change.now, revision);
}

void ReplicaSets::wake_owner(const Object& pod, Revision revision) {
  OwnerRef owner = controller_of(pod);
  if (!owner || owner.kind != "ReplicaSet") return;
  reconciler_.add(std::string(pod.ns()) + "/" + std::string(owner.name), revision);
}

void ReplicaSets::wake_matching(const Object& pod, Revision revision) {
  auto lookup = [&](std::string_view key) { return pod.label(key); };
  const auto& all = sets_.all();
  for (auto at = all.lower_bound({std::string(pod.ns()), ""}); at != all.end(); ++at) {
    if (at->first.first != pod.ns()) break;
    auto known = selectors_.find(key_of(at->second));
    // A set whose selector is not known yet has its own first pass before it.
    if (known != selectors_.end() && known->second.selector.matches(lookup)) {
      reconciler_.add(known->first, revision);
    }
  }
}

// ---- what they do ----

void ReplicaSets::reconcile(kit::Pass& pass) {
  Object set = find(sets_, pass.key());
  if (!set) return;
  json::value whole = codec::to_value(set.kind(), set.bytes());
  const json::object& value = whole.as_object();
  const auto* selector = selector_of(set, value);
  if (!selector) return;
  Observed observed{set, value, *selector, index_.owned_by(set.uid()), index_.orphans(set.ns()),
                    {}};
  if (auto failed = failures_.find(pass.key()); failed != failures_.end()) {
    observed.failure = failed->second;
  }
  act(pass, set, value, plan(observed, ports_.clock.wall_seconds()));
}

const selectors::LabelSelector* ReplicaSets::selector_of(const Object& set,
                                                         const json::object& value) {
  auto [at, fresh] = selectors_.try_emplace(key_of(set));
  Selector& known = at->second;
  if (!fresh && known.uid == set.uid() && known.generation == set.generation()) {
    return &known.selector;
  }
  auto selector =
      selectors::LabelSelector::from_value(object_in(object_in(value, "spec"), "selector"));
  if (!selector || selector->everything()) {
    ports_.log.error("replicaset " + key_of(set) + " has no selector that could be followed");
    selectors_.erase(at);
    return nullptr;
  }
  known = {std::string(set.uid()), set.generation(), *std::move(selector)};
  return &known.selector;
}

void ReplicaSets::act(kit::Pass& pass, const Object& set, const json::object& value,
                      const Plan& plan) {
  for (const Object& p : plan.adopt) {
    pass.merge_patch(p.key(), adoption_patch(p, set), "", p.uid(), p.revision());
  }
  for (const Object& p : plan.release) {
    pass.merge_patch(p.key(), release_patch(p, {std::string(set.uid())}), "", p.uid(),
                     p.revision());
  }
  if (plan.create > 0) create(pass, set, value, plan.create);
  if (!plan.remove.empty()) remove(pass, set, plan.remove);
  if (!plan.status_patch.empty()) {
    pass.merge_patch(set.key(), plan.status_patch, "status", set.uid());
  }
  if (plan.look_in) pass.again_after(std::chrono::seconds(*plan.look_in));
}

void ReplicaSets::create(kit::Pass& pass, const Object& set, const json::object& value, int many) {
  const schema::KindInfo& kind = pods_.options().kind ? *pods_.options().kind : set.kind();
  // What was refused a moment ago is tried with one before all the others.
  if (failures_.count(pass.key())) many = 1;
  wire::RequestT request;
  std::vector<std::string> names;
  size_t bytes = 0;
  auto send = [&] {
    if (names.empty()) return;
    pass.send(std::move(request),
              [this, set, cause = pass.cause(), names](const Result<kit::Answer>& a) {
                tell(set, cause, names, true, a);
              });
    request = {};
    names.clear();
    bytes = 0;
  };
  for (int i = 0; i < many; ++i) {
    std::string name = pod_prefix(set) + ports_.random.suffix(kSuffix);
    auto one = kit::create_request(kind, set.ns(), pod_of(set, value, name), {});
    if (!one) {
      note_failure(set, Failure{"FailedCreate", one.error().message});
      return;
    }
    bytes += one->operations.front()->object.size();
    names.push_back(std::move(name));
    request.operations.push_back(std::move(one->operations.front()));
    if (names.size() == kOperations || bytes > kRequestBytes) send();
  }
  send();
}

void ReplicaSets::remove(kit::Pass& pass, const Object& set, const std::vector<Object>& pods) {
  for (size_t from = 0; from < pods.size(); from += kOperations) {
    wire::RequestT request;
    std::vector<std::string> names;
    for (size_t i = from; i < std::min(pods.size(), from + kOperations); ++i) {
      kit::WriteOptions options;
      options.uid = pods[i].uid();
      auto one = kit::delete_request(pods[i].key(), std::nullopt, options);
      request.operations.push_back(std::move(one.operations.front()));
      names.emplace_back(pods[i].name());
    }
    pass.send(std::move(request),
              [this, set, cause = pass.cause(), names = std::move(names)](
                  const Result<kit::Answer>& a) { tell(set, cause, names, false, a); });
  }
}

void ReplicaSets::tell(const Object& set, const kit::Cause& cause,
                       const std::vector<std::string>& names, bool created,
                       const Result<kit::Answer>& answer) {
  std::optional<Failure> failure;
  for (size_t i = 0; answer && i < names.size(); ++i) {
    Status ok = kit::status_of(answer->outcome(i));
    if (ok) {
      recorder_.normal(set, created ? "SuccessfulCreate" : "SuccessfulDelete",
                       (created ? "Created pod: " : "Deleted pod: ") + names[i], "", cause);
      continue;
    }
    bool gone_anyway = !created && ok.error().code == Code::kNotFound;
    if (gone_anyway || failure) continue;
    failure = Failure{created ? "FailedCreate" : "FailedDelete", ok.error().message};
    recorder_.warning(set, failure->reason,
                      (created ? "Error creating: " : "Error deleting: ") + failure->message, "",
                      cause);
  }
  if (answer) note_failure(set, std::move(failure));
}

void ReplicaSets::note_failure(const Object& set, std::optional<Failure> failure) {
  std::string key = key_of(set);
  bool had = failures_.count(key) > 0;
  if (!failure) {
    failures_.erase(key);
  } else {
    failures_[key] = *std::move(failure);
  }
  // The status says so in a pass of its own; what failed is tried again by the backoff.
  if (had != (failures_.count(key) > 0)) reconciler_.add(key);
}

}  // namespace kubus::controllers::replicaset
