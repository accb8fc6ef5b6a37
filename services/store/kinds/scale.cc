// Subresource scale of the workloads.
#include "schemas/lib/selectors/selectors.h"
#include "services/store/kinds/kinds.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

Error no_scale(const KindInfo& kind) {
  return Error(Code::kNotFound, kind.qualified_resource() + " have no scale");
}

}  // namespace

Result<json::object> scale_of(const KindInfo& kind, const json::object& object) {
  if (kind.subresource("scale") == nullptr) return no_scale(kind);
  const json::object& meta = object_in(object, "metadata");
  const json::object& spec = object_in(object, "spec");
  json::object out;
  json::object& own = make_object(out, "metadata");
  for (const char* key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    carry(meta, own, key);
  make_object(out, "spec")["replicas"] = number_in(spec, "replicas");
  json::object& status = make_object(out, "status");
  status["replicas"] = number_in(object_in(object, "status"), "replicas");
  const json::value* selector = find(spec, "selector");
  if (selector != nullptr) {
    Result<selectors::LabelSelector> parsed = selectors::LabelSelector::from_value(*selector);
    if (parsed) status["selector"] = parsed->str();
  }
  return out;
}

Status set_scale(const KindInfo& kind, const json::object& scale, json::object& object) {
  if (kind.subresource("scale") == nullptr) return no_scale(kind);
  int64_t replicas = number_in(object_in(scale, "spec"), "replicas");
  if (replicas < 0) {
    FieldErrors errors;
    errors.invalid("spec.replicas", replicas, "must be at least 0");
    return errors.error("Scale", text_in(object_in(object, "metadata"), "name"));
  }
  make_object(object, "spec")["replicas"] = replicas;
  return {};
}

}  // namespace kubus::store::kinds
