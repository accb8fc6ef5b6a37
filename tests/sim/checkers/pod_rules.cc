#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "schemas/core/v1/node_generated.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/quantity.h"
#include "tests/sim/checkers/checkers.h"

namespace kubus::sim {
namespace {

using core::v1::Pod;

std::string_view phase_of(const Object& pod) {
  const auto* p = pod.as<Pod>();
  return p->status() ? text_of(p->status()->phase()) : std::string_view();
}

std::string_view node_of(const Object& pod) {
  const auto* p = pod.as<Pod>();
  return p->spec() ? text_of(p->spec()->node_name()) : std::string_view();
}

bool ended(const Object& pod) {
  return phase_of(pod) == "Succeeded" || phase_of(pod) == "Failed";
}

int rank(std::string_view phase) {
  if (phase == "Running") return 1;
  return phase == "Succeeded" || phase == "Failed" ? 2 : 0;
}

template <class Amounts>
int64_t milli_in(const Amounts* amounts, std::string_view name) {
  if (!amounts) return 0;
  for (const auto* e : *amounts) {
    if (text_of(e->key()) != name) continue;
    auto q = Quantity::parse(text_of(e->value()));
    return q ? q->milli() : 0;
  }
  return 0;
}

int64_t cpu_wanted(const Object& pod) {
  int64_t out = 0;
  const auto* spec = pod.as<Pod>()->spec();
  if (!spec || !spec->containers()) return 0;
  for (const auto* c : *spec->containers())
    out += c->resources() ? milli_in(c->resources()->requests(), "cpu") : 0;
  return out;
}

bool is_evicted(const Object& pod) {
  const auto* status = pod.as<Pod>()->status();
  if (!status || !status->conditions()) return false;
  return std::any_of(status->conditions()->begin(), status->conditions()->end(), [](const auto* c) {
    return text_of(c->reason()) == "DeletionByTaintManager";
  });
}

bool has_finalizers(const Object& object) {
  const auto* f = object.meta().finalizers();
  return f && f->size() > 0;
}

}  // namespace

PodRules::PodRules(Chronicle& chronicle, Story& story) : chronicle_(chronicle), story_(story) {
  chronicle.listen([this](const kit::EventView& e, const Object& before) { on_event(e, before); });
}

void PodRules::on_event(const kit::EventView& event, const Object& before) {
  std::string uid(text_of(event->uid()));
  if (gone_.count(uid)) story_.wrong("deletes", name_of(event.event()) + " came back as " + uid);
  auto object = event.object();
  if (event->type() == wire::EventType::Deleted) {
    gone_.insert(uid);
    if (object && has_finalizers(*object))
      story_.wrong("finalizers", name_of(event.event()) + " went with finalizers");
    return;
  }
  if (event->type() == wire::EventType::Modified && before && before.uid() != uid)
    story_.wrong("identity", name_of(event.event()) + " changed its uid");
  if (object && object->kind().resource == "pods") check_pod(*object, before);
}

void PodRules::check_pod(const Object& pod, const Object& before) {
  std::string_view node = node_of(pod);
  if (before) {
    std::string_view was = node_of(before);
    if (!was.empty() && was != node)
      story_.wrong("binding", pod.key().str() + " moved from " + std::string(was) + " to " +
                                  std::string(node));
    if (rank(phase_of(pod)) < rank(phase_of(before)) ||
        (ended(before) && phase_of(pod) != phase_of(before)))
      story_.wrong("phases", pod.key().str() + " went from " + std::string(phase_of(before)) +
                                 " to " + std::string(phase_of(pod)));
    if (before.terminating() && !pod.terminating())
      story_.wrong("deletes", pod.key().str() + " is no longer terminating");
    if (pod.terminating() && !before.terminating() && is_evicted(pod)) ++evictions_;
  }
  if (!node.empty() && (!before || node_of(before).empty())) check_room(std::string(node));
}

void PodRules::check_room(const std::string& name) {
  const schema::KindInfo* nodes = schema::Registry::get().by_resource("", "nodes");
  auto found = chronicle_.state().find({nodes, "", name});
  if (found == chronicle_.state().end())
    return story_.wrong("capacity", "a Pod is bound to " + name + ", which is not there");
  const auto* status = found->second.as<core::v1::Node>()->status();
  int64_t room = status ? milli_in(status->allocatable(), "cpu") : 0, taken = 0;
  for (const auto& [key, object] : chronicle_.state()) {
    if (key.kind->resource == "pods" && node_of(object) == name && !ended(object))
      taken += cpu_wanted(object);
  }
  if (taken > room)
    story_.wrong("capacity", name + " has " + std::to_string(room) + "m of cpu, and Pods of " +
                                 std::to_string(taken) + "m are bound to it");
}

}  // namespace kubus::sim
