#include "services/scheduler/not_regarded.h"

#include <algorithm>

#include "schemas/core/v1/pod_generated.h"

namespace kubus::scheduler {

std::string not_regarded(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  if (!spec) return "";
  std::string out;
  auto add = [&](bool has, const char* path) {
    if (has) out += (out.empty() ? "" : ", ") + std::string(path);
  };
  const auto* claims = spec->resource_claims();
  add(claims && claims->size() > 0, "spec.resourceClaims");
  const auto* volumes = spec->volumes();
  add(volumes && std::any_of(volumes->begin(), volumes->end(),
                             [](const auto* v) { return v->persistent_volume_claim() != nullptr; }),
      "spec.volumes[*].persistentVolumeClaim");
  return out;
}

}  // namespace kubus::scheduler
