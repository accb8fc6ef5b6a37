#include "services/controllers/podgc/plan.h"

#include "schemas/core/v1/node_generated.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/meta/v1/meta_generated.h"
#include "services/controllers/bound_pods.h"

namespace kubus::controllers::podgc {
namespace {

constexpr std::string_view kOutOfService = "node.kubernetes.io/out-of-service";

bool is(const flatbuffers::String* s, std::string_view word) {
  return s && s->string_view() == word;
}

bool ready(const core::v1::Node& node) {
  if (!node.status() || !node.status()->conditions()) return false;
  for (const auto* c : *node.status()->conditions()) {
    if (is(c->type(), "Ready")) return is(c->status(), "True");
  }
  return false;
}

bool out_of_service(const core::v1::Node& node) {
  if (!node.spec() || !node.spec()->taints()) return false;
  for (const auto* t : *node.spec()->taints()) {
    if (is(t->key(), kOutOfService)) return true;
  }
  return false;
}

Finished::Entry entry_of(const Object& pod) {
  return {pod.meta().creation_timestamp().value_or(0), std::string(pod.ns()),
          std::string(pod.name())};
}

}  // namespace

Verdict judge(const Object& pod, const Object& node) {
  if (!pod.terminating()) return Verdict::kStays;
  if (node_of(pod).empty()) return Verdict::kUnscheduled;
  if (!node) return Verdict::kStays;
  const auto& n = *node.as<core::v1::Node>();
  return out_of_service(n) && !ready(n) ? Verdict::kOutOfService : Verdict::kStays;
}

bool finished(const Object& pod) {
  const auto* status = pod.as<core::v1::Pod>()->status();
  return status && (is(status->phase(), "Succeeded") || is(status->phase(), "Failed"));
}

void Finished::put(const Object& pod) {
  if (finished(pod)) pods_.insert(entry_of(pod));
}

void Finished::erase(const Object& pod) {
  pods_.erase(entry_of(pod));
}

}  // namespace kubus::controllers::podgc
