#include "services/scheduler/scheduler.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "bus/kit/requests.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/base/check.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::scheduler {
namespace {

namespace json = boost::json;

constexpr std::string_view kName = "default-scheduler";

const schema::KindInfo& core_kind(std::string_view resource) {
  const auto* kind = schema::Registry::get().by_resource("", resource);
  KUBUS_CHECK(kind);
  return *kind;
}

std::string key_of(const Object& pod) {
  return std::string(pod.ns()) + "/" + std::string(pod.name());
}

bool finished(const Object& pod) {
  std::string phase = pod.field("status.phase").value_or("");
  return phase == "Succeeded" || phase == "Failed";
}

// Somebody holds the Pod back until its gates are gone.
bool gated(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  return spec && spec->scheduling_gates() && spec->scheduling_gates()->size() > 0;
}

bool wants_node(const Object& pod) {
  if (!pod || pod.terminating() || finished(pod) || gated(pod)) return false;
  std::string scheduler = pod.field("spec.schedulerName").value_or("");
  return (scheduler.empty() || scheduler == kName) &&
         pod.field("spec.nodeName").value_or("").empty();
}

// What of a Node may matter to a Pod that waits: all but the times of its heartbeats.
json::value what_matters(const Object& node) {
  if (!node) return nullptr;
  json::value value = codec::to_value(node.kind(), node.bytes());
  json::object out;
  const json::object& o = value.as_object();
  if (const auto* spec = o.if_contains("spec")) out["spec"] = *spec;
  if (const auto* labels = o.at("metadata").as_object().if_contains("labels"))
    out["labels"] = *labels;
  const auto* status = o.if_contains("status");
  if (!status || !status->is_object()) return out;
  if (const auto* room = status->as_object().if_contains("allocatable")) out["room"] = *room;
  const auto* conditions = status->as_object().if_contains("conditions");
  if (!conditions || !conditions->is_array()) return out;
  for (const json::value& c : conditions->as_array()) {
    out[c.at("type").as_string()] = c.at("status");
  }
  return out;
}

// The Pod's conditions with PodScheduled as given; nullopt: it says so already.
std::optional<json::array> conditions_with(const Object& pod, const json::object& condition) {
  json::value value = codec::to_value(pod.kind(), pod.bytes());
  json::array conditions;
  const auto* status = value.as_object().if_contains("status");
  const auto* found =
      status && status->is_object() ? status->as_object().if_contains("conditions") : nullptr;
  if (found && found->is_array()) conditions = found->as_array();
  for (json::value& c : conditions) {
    if (c.at("type") != "PodScheduled") continue;
    json::object& old = c.as_object();
    bool same = true;
    for (const char* field : {"status", "reason", "message"}) {
      const auto* was = old.if_contains(field);
      same &= was && *was == condition.at(field);
    }
    if (same) return std::nullopt;
    json::value since = condition.at("lastTransitionTime");
    if (old["status"] == condition.at("status") && old.if_contains("lastTransitionTime")) {
      since = old["lastTransitionTime"];
    }
    c = condition;
    c.as_object()["lastTransitionTime"] = since;
    return conditions;
  }
  conditions.push_back(condition);
  return conditions;
}

}  // namespace

Scheduler::Scheduler(bus::Ports ports, kit::ClientOptions options)
    : ports_(ports),
      client_(ports, std::move(options)),
      pods_(ports, client_, {.kind = &core_kind("pods")}),
      nodes_(ports, client_, {.kind = &core_kind("nodes")}),
      reconciler_(ports, client_, {.name = "scheduler"}, {&pods_, &nodes_},
                  [this](kit::Pass& pass) { reconcile(pass); }) {
  pods_.on_change([this](const kit::Informer::Change& c) { on_pod(c); });
  nodes_.on_change([this](const kit::Informer::Change& c) { on_node(c); });
  nodes_.start();
  pods_.start();
}

void Scheduler::on_pod(const kit::Informer::Change& change) {
  occupancy_.on_pod(change.before, change.now);
  Revision revision = change.event ? change.event->revision() : Revision();
  if (wants_node(change.now)) return reconciler_.add(key_of(change.now), revision);
  const Object& pod = change.now ? change.now : change.before;
  waiting_.erase(key_of(pod));
  if (!change.now || finished(change.now)) wake_waiting(revision);
}

void Scheduler::on_node(const kit::Informer::Change& change) {
  occupancy_.on_node(change.before, change.now);
  if (what_matters(change.before) == what_matters(change.now)) return;
  wake_waiting(change.event ? change.event->revision() : Revision());
}

void Scheduler::wake_waiting(Revision revision) {
  for (const std::string& key : waiting_) reconciler_.add(key, revision);
}

void Scheduler::reconcile(kit::Pass& pass) {
  size_t slash = pass.key().find('/');
  Object pod = pods_.find(pass.key().substr(0, slash), pass.key().substr(slash + 1));
  waiting_.erase(pass.key());
  if (!wants_node(pod)) return;
  occupancy_.forget(pod);
  Decision decision = plan(pod, occupancy_.nodes());
  if (!decision.node.empty()) return bind(pass, pod, decision.node);
  waiting_.insert(pass.key());
  report(pass, pod, decision.why);
}

void Scheduler::bind(kit::Pass& pass, const Object& pod, const std::string& node) {
  json::object binding{
      {"metadata", {{"name", pod.name()}, {"namespace", pod.ns()}, {"uid", pod.uid()}}},
      {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}}}};
  kit::WriteOptions options;
  options.subresource = "binding";
  options.uid = pod.uid();
  auto request = kit::create_request(pod.kind(), pod.ns(), binding, options);
  if (!request) return ports_.log.error("binding: " + request.error().message);
  occupancy_.assume(pod, node);
  pass.send(*std::move(request));
}

// The list of conditions is replaced whole, so only as long as the Pod is what we saw.
void Scheduler::report(kit::Pass& pass, const Object& pod, const std::string& why) {
  auto conditions = conditions_with(
      pod, {{"type", "PodScheduled"},
            {"status", "False"},
            {"reason", "Unschedulable"},
            {"message", why},
            {"lastTransitionTime", codec::format_time(ports_.clock.wall_seconds())}});
  if (!conditions) return;
  json::object patch{{"status", {{"conditions", *conditions}}}};
  pass.merge_patch(pod.key(), json::serialize(patch), "status", pod.uid(), pod.revision());
}

}  // namespace kubus::scheduler
