#include "schemas/apps/v1/apps_generated.h"
#include "schemas/core/v1/pod_generated.h"
#include "tests/sim/checkers/checkers.h"

namespace kubus::sim {
namespace {

std::string of(const Object& object, const std::string& what) {
  return object.key().str() + " " + what;
}

std::string unsettled_deployment(const Object& object) {
  const auto* d = object.as<apps::v1::Deployment>();
  const auto* status = d->status();
  int wanted = d->spec()->replicas().value_or(1);
  if (!status || status->observed_generation().value_or(0) != object.generation())
    return of(object, "is not observed");
  auto is = [wanted](const flatbuffers::Optional<int32_t>& n) { return n.value_or(0) == wanted; };
  if (!is(status->replicas()) || !is(status->updated_replicas()) || !is(status->ready_replicas()) ||
      !is(status->available_replicas()))
    return of(object, "has " + std::to_string(status->ready_replicas().value_or(0)) +
                          " ready and " + std::to_string(status->updated_replicas().value_or(0)) +
                          " updated Pods of " + std::to_string(wanted));
  return "";
}

}  // namespace

std::string unsettled(const Chronicle& chronicle) {
  std::map<std::string, int> running;  // by namespace
  for (const auto& [key, object] : chronicle.state()) {
    if (object.terminating()) return of(object, "is terminating");
    if (key.kind->resource == "deployments") {
      if (std::string why = unsettled_deployment(object); !why.empty()) return why;
    }
    if (key.kind->resource == "nodes" && object.field("spec.unschedulable") == "true")
      return of(object, "is unschedulable");
    if (key.kind->resource != "pods") continue;
    std::string phase = object.field("status.phase").value_or("");
    if (phase == "Failed" || phase == "Succeeded") continue;
    if (phase != "Running") return of(object, "is " + phase);
  }
  return "";
}

}  // namespace kubus::sim
