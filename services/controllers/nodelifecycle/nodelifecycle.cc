#include "services/controllers/nodelifecycle/nodelifecycle.h"

#include "schemas/bus/event_generated.h"
#include "schemas/coordination/v1/coordination_generated.h"
#include "schemas/core/v1/node_generated.h"
#include "services/controllers/pods.h"

namespace kubus::controllers::nodelifecycle {
namespace {

constexpr std::string_view kKubelet = "kubelet:", kLeases = "kube-node-lease";
constexpr std::chrono::milliseconds kTick{1000};

std::optional<int64_t> renewed(const Object& lease) {
  if (!lease) return std::nullopt;
  const auto* spec = lease.as<coordination::v1::Lease>()->spec();
  auto time = spec ? spec->renew_time() : flatbuffers::nullopt;
  return time ? std::optional<int64_t>(*time) : std::nullopt;
}

// When its kubelet last vouched for its conditions.
std::optional<int64_t> confirmed(const Object& node) {
  const auto* status = node.as<core::v1::Node>()->status();
  if (!status || !status->conditions()) return std::nullopt;
  std::optional<int64_t> latest;
  for (const auto* c : *status->conditions()) {
    auto time = c->last_heartbeat_time();
    if (time && (!latest || *time > *latest)) latest = *time;
  }
  return latest;
}

}  // namespace

NodeLifecycle::NodeLifecycle(Shared& shared, bus::Duration grace)
    : ports_(shared.ports),
      grace_(grace),
      nodes_(shared.informers.of("", "nodes")),
      pods_(shared.informers.of("", "pods")),
      leases_(shared.ports, shared.client,
              {.kind = &kind_of("coordination.k8s.io", "leases"), .ns = std::string(kLeases)}),
      bound_(pods_),
      vigil_(grace),
      last_tick_(shared.ports.clock.now()),
      recorder_(shared.ports, shared.client, {.component = "node-controller"}),
      node_reconciler_(shared.ports, shared.client, {.name = "nodelifecycle"}, {&nodes_},
                       [this](kit::Pass& pass) { reconcile_node(pass); }),
      pod_reconciler_(shared.ports, shared.client, {.name = "taint-eviction"}, {&nodes_, &pods_},
                      [this](kit::Pass& pass) { reconcile_pod(pass); }) {
  nodes_.on_change([this](const kit::Informer::Change& c) { on_node(c); });
  pods_.on_change([this](const kit::Informer::Change& c) { on_pod(c); });
  leases_.on_change([this](const kit::Informer::Change& c) { on_lease(c); });
  leases_.start();
  heartbeats_ = ports_.bus.subscribe(shared.client.subjects().heartbeats("node"),
                                     [this](bus::Message m) { on_heartbeat(m); });
  bus_state_ = ports_.bus.watch_state([this](bus::BusState s) { on_bus(s); });
  on_tick_timeout();
}

void NodeLifecycle::set_fence(std::optional<kit::Fence> fence) {
  node_reconciler_.set_fence(fence);
  pod_reconciler_.set_fence(std::move(fence));
}

// ---- signs of life ----

void NodeLifecycle::on_bus(bus::BusState state) {
  if (state == bus::BusState::kConnected) begin();
  if (state == bus::BusState::kDisconnected) vigil_.end();
}

void NodeLifecycle::begin() {
  vigil_.begin(ports_.clock.now());
  permitted_.clear();
}

// A process that was stopped for a while has heard nothing meanwhile.
void NodeLifecycle::on_tick_timeout() {
  tick_timer_ = ports_.clock.after(kTick, [this] { on_tick_timeout(); });
  bus::Instant now = ports_.clock.now();
  if (now - last_tick_ > grace_ / 4 + kTick) begin();
  last_tick_ = now;
}

void NodeLifecycle::on_heartbeat(const bus::Message& message) {
  auto node = bus::unescape_token(message.subject.substr(message.subject.rfind('.') + 1));
  if (node) heard(*node);
}

void NodeLifecycle::on_lease(const kit::Informer::Change& change) {
  if (!change.now) return;
  bool told = change.event || change.before;  // a first list tells of the past
  if (told && renewed(change.before) != renewed(change.now)) heard(change.now.name());
}

void NodeLifecycle::hear_writer(const kit::Informer::Change& change) {
  const auto* actor = change.event ? (*change.event)->actor() : nullptr;
  if (actor && actor->string_view().starts_with(kKubelet)) {
    heard(actor->string_view().substr(kKubelet.size()));
  }
}

void NodeLifecycle::heard(std::string_view node) {
  bus::Instant now = ports_.clock.now();
  bool was_silent = vigil_.presence(node, now) == Presence::kSilent;
  vigil_.heard(node, now);
  if (was_silent) {
    node_reconciler_.add(std::string(node));
    wake_pods(node, {});
  }
}

// ---- ways in ----

void NodeLifecycle::on_node(const kit::Informer::Change& change) {
  bus::Instant now = ports_.clock.now();
  if (!change.now) {
    if (!change.before) return;
    vigil_.erase(change.before.name());
    ages_.forget(change.before.name());
    permitted_.erase(std::string(change.before.name()));
    return;
  }
  const Object& node = change.now;
  vigil_.put(node.name(), zone_of(node), condition_of(node, "Ready") == "True", now);
  hear_writer(change);
  if (change.before && confirmed(change.before) != confirmed(node)) heard(node.name());
  ages_.look(node, now, ports_.clock.wall_seconds());
  node_reconciler_.add(std::string(node.name()), revision_of(change));
  wake_pods(node.name(), revision_of(change));
}

void NodeLifecycle::on_pod(const kit::Informer::Change& change) {
  hear_writer(change);
  if (!change.now) return;
  std::string_view node = node_of(change.now);
  if (node.empty()) return;
  bool matters =
      !ages_.of(node).empty() || vigil_.presence(node, ports_.clock.now()) == Presence::kSilent;
  if (matters) pod_reconciler_.add(key_of(change.now), revision_of(change));
}

void NodeLifecycle::wake_pods(std::string_view node, Revision revision) {
  bool matters =
      !ages_.of(node).empty() || vigil_.presence(node, ports_.clock.now()) == Presence::kSilent;
  if (!matters) return;
  for (const Object& pod : bound_.on(node)) pod_reconciler_.add(key_of(pod), revision);
}

// ---- nodes ----

DriveOut NodeLifecycle::drive_out(const Object& node) {
  bus::Instant now = ports_.clock.now();
  bool well = condition_of(node, "Ready") == "True" &&
              vigil_.presence(node.name(), now) != Presence::kSilent;
  if (well) permitted_.erase(std::string(node.name()));
  bool withdrawn = vigil_.pace(node.name(), now) == Pace::kWithdraw;
  if (withdrawn != withdrawn_) {
    withdrawn_ = withdrawn;
    permitted_.clear();
    // Whoever heard nobody at all was alone itself, and listens anew.
    if (!withdrawn) begin();
    for (const auto& [key, other] : nodes_.all()) node_reconciler_.add(key.second);
  }
  if (withdrawn) return DriveOut::kWithdraw;
  return permitted_.count(node.name()) ? DriveOut::kPermit : DriveOut::kHold;
}

void NodeLifecycle::ask_permit(kit::Pass& pass, const Object& node) {
  bus::Instant now = ports_.clock.now();
  Pace pace = vigil_.pace(node.name(), now);
  auto wait = permits_.take(vigil_.zone(node.name()), pace, now);
  if (wait) return pass.again_after(*wait);
  permitted_.insert(std::string(node.name()));
  node_reconciler_.add(std::string(node.name()));
}

void NodeLifecycle::reconcile_node(kit::Pass& pass) {
  Object node = nodes_.find("", pass.key());
  if (!node) return;
  bus::Instant now = ports_.clock.now();
  Presence presence = vigil_.presence(node.name(), now);
  if (presence != Presence::kSilent) pass.again_after(vigil_.until_silent(node.name(), now));
  DriveOut drive = drive_out(node);
  Plan next = plan(node, presence, drive, ports_.clock.wall_seconds());
  if (!next.status_patch.empty()) {
    if (condition_of(node, "Ready") == "True") {
      recorder_.normal(node, "NodeNotReady",
                       "Node " + std::string(node.name()) + " status is now: NodeNotReady", "",
                       pass.cause());
    }
    return pass.merge_patch(node.key(), next.status_patch, "status", node.uid(), node.revision());
  }
  if (next.wants_permit && drive == DriveOut::kHold) ask_permit(pass, node);
  if (next.wants_permit && drive == DriveOut::kWithdraw) pass.again_after(grace_ / 4);
  if (!next.taints_patch.empty()) {
    pass.merge_patch(node.key(), next.taints_patch, "", node.uid(), node.revision());
  }
}

// ---- Pods ----

void NodeLifecycle::reconcile_pod(kit::Pass& pass) {
  Object pod = find(pods_, pass.key());
  std::string_view name = pod ? node_of(pod) : std::string_view();
  Object node = name.empty() ? Object() : nodes_.find("", name);
  if (!node) return;
  bus::Instant now = ports_.clock.now();
  Presence presence = vigil_.presence(name, now);
  std::vector<DrivingTaint> taints = ages_.of(name);
  bool waits = std::erase_if(taints, [&](const auto& t) { return !counts(t, presence); }) > 0;
  auto leaves = active(pod) ? leaves_at(pod, taints) : std::nullopt;
  if (leaves && *leaves <= now) return evict(pass, pod);
  if (leaves) pass.again_after(*leaves - now);
  if (waits && active(pod) && presence == Presence::kUnknown)
    pass.again_after(vigil_.until_silent(name, now));
  if (presence != Presence::kSilent || !ready(pod)) return;
  recorder_.warning(pod, "NodeNotReady", "Node is not ready", "", pass.cause());
  pass.merge_patch(pod.key(),
                   condition_patch(pod, {not_ready_condition()}, ports_.clock.wall_seconds()),
                   "status", pod.uid(), pod.revision());
}

void NodeLifecycle::evict(kit::Pass& pass, const Object& pod) {
  recorder_.normal(pod, "TaintManagerEviction", "Marking for deletion Pod " + key_of(pod), "",
                   pass.cause());
  std::vector<boost::json::object> conditions = {disruption_condition(
      "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")};
  bool silent = vigil_.presence(node_of(pod), ports_.clock.now()) == Presence::kSilent;
  if (silent && ready(pod)) conditions.push_back(not_ready_condition());
  pass.merge_patch(pod.key(),
                   condition_patch(pod, std::move(conditions), ports_.clock.wall_seconds()),
                   "status", pod.uid());
  pass.remove(pod.key(), pod.uid());
}

}  // namespace kubus::controllers::nodelifecycle
