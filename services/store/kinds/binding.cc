// Subresource binding of a Pod, and what a bound Pod's node must know.
#include <algorithm>

#include "schemas/lib/codec/scalars.h"
#include "services/store/kinds/kinds.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

void set_condition(json::object& pod, std::string_view type, int64_t now) {
  json::array& conditions = make_array(make_object(pod, "status"), "conditions");
  json::object condition{
      {"type", type}, {"status", "True"}, {"lastTransitionTime", codec::format_time(now)}};
  auto it = std::find_if(conditions.begin(), conditions.end(), [&](const json::value& c) {
    return text_in(object_of(c), "type") == type;
  });
  if (it == conditions.end()) {
    conditions.push_back(std::move(condition));
  } else if (text_in(object_of(*it), "status") != "True") {
    *it = std::move(condition);
  }
}

void merge_texts(const json::object& from, json::object& meta, std::string_view key) {
  const json::object& texts = object_in(from, key);
  if (texts.empty()) return;
  json::object& into = make_object(meta, key);
  for (const auto& [name, v] : texts) into[name] = v;
}

class References {
 public:
  explicit References(std::string_view ns) : ns_(ns) {}

  void add(std::string_view kind, std::string_view name) {
    const KindInfo* info = schema::Registry::get().by_kind("", "v1", kind);
    if (info != nullptr && !name.empty())
      keys_.push_back({info, std::string(ns_), std::string(name)});
  }

  void source(const json::object& v) {
    add("ConfigMap", text_in(object_in(v, "configMap"), "name"));
    add("ConfigMap", text_in(object_in(v, "configMapKeyRef"), "name"));
    add("ConfigMap", text_in(object_in(v, "configMapRef"), "name"));
    add("Secret", text_in(object_in(v, "secret"), "secretName"));
    // Projected sources name a secret as they name a ConfigMap.
    add("Secret", text_in(object_in(v, "secret"), "name"));
    add("Secret", text_in(object_in(v, "secretKeyRef"), "name"));
    add("Secret", text_in(object_in(v, "secretRef"), "name"));
    add("PersistentVolumeClaim", text_in(object_in(v, "persistentVolumeClaim"), "claimName"));
    for (const json::value& part : array_in(object_in(v, "projected"), "sources"))
      source(object_of(part));
  }

  void container(const json::object& c) {
    for (const json::value& v : array_in(c, "env")) source(object_in(object_of(v), "valueFrom"));
    for (const json::value& v : array_in(c, "envFrom")) source(object_of(v));
  }

  std::vector<ObjectKey> take() {
    std::sort(keys_.begin(), keys_.end());
    keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
    return std::move(keys_);
  }

 private:
  std::string_view ns_;
  std::vector<ObjectKey> keys_;
};

}  // namespace

Status bind(Context& ctx, const json::object& binding, json::object& pod) {
  std::string_view node = text_in(object_in(binding, "target"), "name");
  std::string_view kind = text_in(object_in(binding, "target"), "kind");
  json::object& meta = make_object(pod, "metadata");
  std::string name(text_in(meta, "name"));
  if (node.empty() || (!kind.empty() && kind != "Node")) {
    FieldErrors errors;
    if (node.empty()) errors.required("target.name");
    if (!node.empty()) errors.not_supported("target.kind", json::value(kind), {"Node"});
    return errors.error("Binding", name);
  }
  std::string_view uid = text_in(object_in(binding, "metadata"), "uid");
  if (!uid.empty() && uid != text_in(meta, "uid")) {
    return Error(Code::kConflict, "pod " + name + " is another one: it has a different uid");
  }
  std::string_view bound = text_in(object_in(pod, "spec"), "nodeName");
  if (has(meta, "deletionTimestamp"))
    return Error(Code::kConflict, "pod " + name + " is being deleted and cannot be bound");
  if (!bound.empty()) {
    return Error(Code::kConflict,
                 "pod " + name + " is already bound to node " + std::string(bound));
  }
  if (!array_in(object_in(pod, "spec"), "schedulingGates").empty()) {
    return Error(Code::kConflict, "pod " + name + " has scheduling gates and cannot be bound");
  }
  make_object(pod, "spec")["nodeName"] = node;
  make_object(pod, "status").erase("nominatedNodeName");
  merge_texts(object_in(binding, "metadata"), meta, "annotations");
  merge_texts(object_in(binding, "metadata"), meta, "labels");
  set_condition(pod, "PodScheduled", ctx.now_unix_seconds);
  return {};
}

std::vector<ObjectKey> references(const KindInfo& kind, const json::object& object) {
  if (!kind.group.empty() || kind.kind != "Pod") return {};
  References out(text_in(object_in(object, "metadata"), "namespace"));
  const json::object& spec = object_in(object, "spec");
  out.add("ServiceAccount", text_in(spec, "serviceAccountName"));
  for (const json::value& v : array_in(spec, "imagePullSecrets"))
    out.add("Secret", text_in(object_of(v), "name"));
  for (const json::value& v : array_in(spec, "volumes")) out.source(object_of(v));
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    for (const json::value& v : array_in(spec, list)) out.container(object_of(v));
  }
  return out.take();
}

}  // namespace kubus::store::kinds
