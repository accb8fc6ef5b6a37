#include "services/controllers/deployment/deployment.h"

#include "schemas/lib/codec/codec.h"
#include "services/controllers/pods.h"
#include "services/controllers/values.h"

namespace kubus::controllers::deployment {
namespace {

namespace json = boost::json;

}  // namespace

Deployments::Deployments(Shared& shared)
    : ports_(shared.ports),
      deployments_(shared.informers.of("apps", "deployments")),
      sets_(shared.informers.of("apps", "replicasets")),
      pods_(shared.informers.of("", "pods")),
      sets_by_owner_(sets_),
      pods_by_owner_(pods_),
      recorder_(shared.ports, shared.client, {.component = "deployment-controller"}),
      reconciler_(shared.ports, shared.client, {.name = "deployment"},
                  {&deployments_, &sets_, &pods_}, [this](kit::Pass& pass) { reconcile(pass); }) {
  deployments_.on_change([this](const kit::Informer::Change& c) {
    if (c.now) reconciler_.add(key_of(c.now), revision_of(c));
  });
  sets_.on_change([this](const kit::Informer::Change& c) { on_set(c); });
  pods_.on_change([this](const kit::Informer::Change& c) {
    bool ended = c.before && (!c.now || (active(c.before) && !active(c.now)));
    if (ended) on_pod_gone(c.before, revision_of(c));
  });
}

// ---- ways in ----

void Deployments::on_set(const kit::Informer::Change& change) {
  Revision revision = revision_of(change);
  if (change.before) wake_owner(change.before, revision);
  if (!change.now) return;
  wake_owner(change.now, revision);
  if (!controller_of(change.now)) wake_matching(change.now, revision);
}

void Deployments::wake_owner(const Object& set, Revision revision) {
  OwnerRef owner = controller_of(set);
  if (!owner || owner.kind != "Deployment") return;
  reconciler_.add(std::string(set.ns()) + "/" + std::string(owner.name), revision);
}

// Sets that are nobody's are rare: every Deployment of the namespace looks whether one is its own.
void Deployments::wake_matching(const Object& set, Revision revision) {
  const auto& all = deployments_.all();
  for (auto at = all.lower_bound({std::string(set.ns()), ""}); at != all.end(); ++at) {
    if (at->first.first != set.ns()) break;
    reconciler_.add(key_of(at->second), revision);
  }
}

// A replacement waits for the last Pod of what it replaces.
void Deployments::on_pod_gone(const Object& pod, Revision revision) {
  OwnerRef owner = controller_of(pod);
  if (!owner || owner.kind != "ReplicaSet") return;
  if (Object set = sets_.find(pod.ns(), owner.name)) wake_owner(set, revision);
}

// ---- what they do ----

bool Deployments::has_pods(const Object& set) const {
  for (const Object& p : pods_by_owner_.owned_by(set.uid())) {
    if (active(p) || p.terminating()) return true;
  }
  return false;
}

void Deployments::reconcile(kit::Pass& pass) {
  Object deployment = find(deployments_, pass.key());
  if (!deployment) return;
  json::value whole = codec::to_value(deployment.kind(), deployment.bytes());
  const json::object& value = whole.as_object();
  auto selector =
      selectors::LabelSelector::from_value(object_in(object_in(value, "spec"), "selector"));
  if (!selector || selector->everything()) {
    return ports_.log.error("deployment " + pass.key() + " has no selector that could be followed");
  }
  std::vector<Object> sets = sets_by_owner_.owned_by(deployment.uid());
  auto taken = [&](const std::string& name) { return bool(sets_.find(deployment.ns(), name)); };
  auto pods = [&](const Object& set) { return has_pods(set); };
  act(pass, deployment,
      plan({deployment, value, *selector, std::move(sets), sets_by_owner_.orphans(deployment.ns()),
            taken, pods},
           ports_.clock.wall_seconds()));
}

void Deployments::act(kit::Pass& pass, const Object& deployment, const Plan& plan) {
  for (const Object& s : plan.adopt) {
    pass.merge_patch(s.key(), adoption_patch(s, deployment), "", s.uid(), s.revision());
  }
  for (const Object& s : plan.release) {
    pass.merge_patch(s.key(), release_patch(s, {std::string(deployment.uid())}), "", s.uid(),
                     s.revision());
  }
  if (plan.create) {
    pass.create(*sets_.options().kind, deployment.ns(), *plan.create);
    recorder_.normal(deployment, "ScalingReplicaSet", plan.event, "", pass.cause());
  }
  for (const Change& c : plan.changes) {
    // A set that moved meanwhile is looked at again before it is changed.
    pass.merge_patch(c.set.key(), c.patch, "", c.set.uid(), c.set.revision());
    if (!c.event.empty()) {
      recorder_.normal(deployment, "ScalingReplicaSet", c.event, "", pass.cause());
    }
  }
  for (const Object& s : plan.remove) pass.remove(s.key(), s.uid());
  if (!plan.metadata_patch.empty()) {
    pass.merge_patch(deployment.key(), plan.metadata_patch, "", deployment.uid());
  }
  if (!plan.status_patch.empty()) {
    pass.merge_patch(deployment.key(), plan.status_patch, "status", deployment.uid());
  }
  if (plan.look_in) pass.again_after(std::chrono::seconds(*plan.look_in));
}

}  // namespace kubus::controllers::deployment
