#include "services/controllers/podgc/podgc.h"

#include <boost/json/object.hpp>

#include "bus/kit/requests.h"

namespace kubus::controllers::podgc {
namespace {

constexpr size_t kOperations = 256;  // of one request

void add_removal(wire::RequestT* request, const ObjectKey& key, std::string_view uid) {
  kit::WriteOptions options;
  options.uid = uid;
  auto one = kit::delete_request(key, 0, options);
  request->operations.push_back(std::move(one.operations.front()));
}

}  // namespace

PodGc::PodGc(Shared& shared, Options options)
    : ports_(shared.ports),
      client_(shared.client),
      options_(options),
      nodes_(shared.informers.of("", "nodes")),
      pods_(shared.informers.of("", "pods")),
      bound_(pods_),
      finished_(options.finished_most),
      pod_reconciler_(shared.ports, shared.client, {.name = "podgc"}, {&nodes_, &pods_},
                      [this](kit::Pass& pass) { reconcile_pod(pass); }),
      node_reconciler_(shared.ports, shared.client, {.name = "podgc-nodes"}, {&nodes_, &pods_},
                       [this](kit::Pass& pass) { reconcile_node(pass); }),
      finished_reconciler_(shared.ports, shared.client, {.name = "podgc-finished"}, {&pods_},
                           [this](kit::Pass& pass) { reconcile_finished(pass); }) {
  pods_.on_change([this](const kit::Informer::Change& c) { on_pod(c); });
  nodes_.on_change([this](const kit::Informer::Change& c) { on_node(c); });
}

void PodGc::set_fence(std::optional<kit::Fence> fence) {
  pod_reconciler_.set_fence(fence);
  node_reconciler_.set_fence(fence);
  finished_reconciler_.set_fence(std::move(fence));
}

// ---- ways in ----

void PodGc::on_pod(const kit::Informer::Change& change) {
  if (change.before) finished_.erase(change.before);
  if (!change.now) return;
  const Object& pod = change.now;
  finished_.put(pod);
  if (finished_.too_many()) finished_reconciler_.add("all", revision_of(change));
  if (pod.terminating()) pod_reconciler_.add(key_of(pod), revision_of(change));
  std::string node(node_of(pod));
  // Before the first list is whole, the pass waits for it.
  bool lost = !node.empty() && !nodes_.find("", node);
  if (lost) node_reconciler_.add(node, revision_of(change));
}

void PodGc::on_node(const kit::Informer::Change& change) {
  if (!change.now) {
    if (change.before) node_reconciler_.add(std::string(change.before.name()), revision_of(change));
    return;
  }
  std::string name(change.now.name());
  gone_.erase(name);
  for (const Object& pod : bound_.on(name)) {
    if (pod.terminating()) pod_reconciler_.add(key_of(pod), revision_of(change));
  }
}

// ---- what they do ----

void PodGc::reconcile_pod(kit::Pass& pass) {
  Object pod = find(pods_, pass.key());
  if (!pod) return;
  std::string_view name = node_of(pod);
  Object node = name.empty() ? Object() : nodes_.find("", name);
  if (judge(pod, node) != Verdict::kStays) pass.remove(pod.key(), pod.uid(), 0);
}

void PodGc::reconcile_node(kit::Pass& pass) {
  if (nodes_.find("", pass.key()) || !bound_.any_on(pass.key())) {
    gone_.erase(pass.key());
    return;
  }
  bus::Instant now = ports_.clock.now();
  Gone& gone = gone_.try_emplace(pass.key(), Gone{now}).first->second;
  if (now - gone.since < options_.quarantine)
    return pass.again_after(options_.quarantine - (now - gone.since));
  if (!gone.confirmed) return confirm(pass.key());
  std::vector<Object> pods = bound_.on(pass.key());
  for (size_t from = 0; from < pods.size(); from += kOperations) {
    wire::RequestT request;
    for (size_t i = from; i < std::min(pods.size(), from + kOperations); ++i) {
      add_removal(&request, pods[i].key(), pods[i].uid());
    }
    pass.send(std::move(request));
  }
}

// A cache may lag; what is asked now does not.
void PodGc::confirm(const std::string& node) {
  Gone& gone = gone_[node];
  if (std::exchange(gone.asked, true)) return;
  client_.get({nodes_.options().kind, "", node},
              [this, node, alive = std::weak_ptr(alive_)](Result<Object> found) {
                if (alive.expired()) return;
                auto at = gone_.find(node);
                if (at == gone_.end()) return;
                at->second.asked = false;
                at->second.confirmed = !found && found.error().code == Code::kNotFound;
                if (!at->second.confirmed) at->second.since = ports_.clock.now();
                node_reconciler_.add(node);
              });
}

void PodGc::reconcile_finished(kit::Pass& pass) {
  size_t left = std::min(finished_.too_many(), kOperations);
  wire::RequestT request;
  for (const Finished::Entry& e : finished_.oldest_first()) {
    if (left == 0) break;
    Object pod = pods_.find(e.ns, e.name);
    if (!pod) continue;
    add_removal(&request, pod.key(), pod.uid());
    --left;
  }
  pass.send(std::move(request));
  if (finished_.too_many()) pass.again_after(std::chrono::milliseconds(1));
}

}  // namespace kubus::controllers::podgc
