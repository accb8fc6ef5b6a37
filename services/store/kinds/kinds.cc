// The stages of each verb, the same for all kinds; a kind's own part is behind KindBehaviour.
#include "services/store/kinds/kinds.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <map>

#include "schemas/lib/codec/scalars.h"
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/meta.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

// Runs f with the object moved into a value, as the schema's functions want it.
template <class F>
void as_value(json::object& object, F f) {
  json::value v(std::move(object));
  f(v);
  object = std::move(v.get_object());
}

void fill_defaults(const Context& ctx, const KindBehaviour& kind, json::object& object) {
  kind.default_before(object);
  as_value(object, [&](json::value& v) { validation::apply_defaults(*ctx.kind.type, v); });
  kind.default_after(object);
}

Error invalid(const Context& ctx, const FieldErrors& errors, const json::object& object) {
  std::vector<Cause> causes = errors.causes();
  std::stable_sort(causes.begin(), causes.end(),
                   [](const Cause& a, const Cause& b) { return a.field < b.field; });
  FieldErrors sorted;
  for (Cause& c : causes) sorted.add(std::move(c));
  return sorted.error(ctx.kind.kind, text_in(object_in(object, "metadata"), "name"));
}

void check_schema(const Context& ctx, const KindBehaviour& kind, const json::value* before,
                  const json::value& v, FieldErrors* errors) {
  FieldErrors found;
  validation::check(*ctx.kind.type, v, "", &found);
  if (before != nullptr) validation::check_immutable(*ctx.kind.type, *before, v, "", &found);
  for (Cause c : found.causes()) {
    kind.restate(&c);
    errors->add(std::move(c));
  }
}

Status check_all(Context& ctx, const KindBehaviour& kind, const json::object* before,
                 json::object& object) {
  FieldErrors errors;
  check_meta(kind, before, object, &errors);
  json::value old;
  if (before != nullptr) old = *before;
  as_value(object, [&](json::value& v) {
    check_schema(ctx, kind, before == nullptr ? nullptr : &old, v, &errors);
  });
  kind.validate(before, object, &errors);
  if (errors.empty()) kind.allocate(ctx, before, object, &errors);
  if (!errors.empty()) return invalid(ctx, errors, object);
  return {};
}

Status check_namespace(const Context& ctx) {
  if (!ctx.kind.namespaced) return {};
  static const KindInfo* const kNamespace = schema::Registry::get().by_kind("", "v1", "Namespace");
  std::optional<Object> ns = ctx.lookup.get({kNamespace, "", std::string(ctx.ns)});
  if (!ns) return Error(Code::kNotFound, "namespaces \"" + std::string(ctx.ns) + "\" not found");
  if (!ns->terminating()) return {};
  return Error(Code::kForbidden,
               ctx.kind.qualified_resource() + " cannot be created: the namespace " +
                   std::string(ctx.ns) + " is being deleted",
               {{"NamespaceTerminating", "the namespace is being deleted", "metadata.namespace"}});
}

void set_generation(json::object& object, int64_t n) {
  make_object(object, "metadata")["generation"] = n;
}

int64_t generation(const json::object& object) {
  return number_in(object_in(object, "metadata"), "generation");
}

bool finished(const json::object& pod) {
  std::string_view phase = text_in(object_in(pod, "status"), "phase");
  return phase == "Succeeded" || phase == "Failed";
}

}  // namespace

void KindBehaviour::prepare_create(Context& ctx, json::object& object) const {
  if (ctx.kind.has_status) object.erase("status");
}
void KindBehaviour::prepare_update(Context&, const json::object&, json::object&) const {}
void KindBehaviour::default_before(json::object&) const {}
void KindBehaviour::default_after(json::object&) const {}
Status KindBehaviour::admit(Context&, json::object&) const {
  return {};
}
Status KindBehaviour::admit_change(Context&, const json::object&, json::object&) const {
  return {};
}
void KindBehaviour::validate(const json::object*, const json::object&, FieldErrors*) const {}
void KindBehaviour::validate_status(const json::object&, const json::object&, FieldErrors*) const {}
void KindBehaviour::allocate(Context&, const json::object*, json::object&, FieldErrors*) const {}
void KindBehaviour::release(Context&, const json::object&) const {}
std::string KindBehaviour::check_name(std::string_view name) const {
  return validation::check_dns1123_subdomain(name);
}
bool KindBehaviour::moves_generation(const json::object& before, const json::object& after) const {
  return !same(before, after, "spec");
}

const KindBehaviour& behaviour(const KindInfo& kind) {
  static const KindBehaviour kPlain;
  static const std::map<std::pair<std::string_view, std::string_view>, const KindBehaviour*> kOwn =
      {
          {{"", "ConfigMap"}, &config_map_behaviour()},
          {{"apps", "Deployment"}, &deployment_behaviour()},
          {{"discovery.k8s.io", "EndpointSlice"}, &endpoint_slice_behaviour()},
          {{"", "Endpoints"}, &endpoints_behaviour()},
          {{"", "Event"}, &event_behaviour()},
          {{"", "Namespace"}, &namespace_behaviour()},
          {{"", "Node"}, &node_behaviour()},
          {{"", "Pod"}, &pod_behaviour()},
          {{"scheduling.k8s.io", "PriorityClass"}, &priority_class_behaviour()},
          {{"apps", "ReplicaSet"}, &replica_set_behaviour()},
          {{"", "Secret"}, &secret_behaviour()},
          {{"", "Service"}, &service_behaviour()},
          {{"kubus.io", "User"}, &user_behaviour()},
      };
  auto it = kOwn.find({kind.group, kind.kind});
  return it == kOwn.end() ? kPlain : *it->second;
}

Status admit_create(Context& ctx, json::object& object) {
  const KindBehaviour& kind = behaviour(ctx.kind);
  if (Status s = prepare_meta(ctx, object); !s) return s;
  if (Status s = check_namespace(ctx); !s) return s;
  kind.prepare_create(ctx, object);
  fill_defaults(ctx, kind, object);
  if (Status s = kind.admit(ctx, object); !s) return s;
  if (Status s = check_all(ctx, kind, nullptr, object); !s) return s;
  if (kind.has_generation()) set_generation(object, 1);
  return {};
}

Status admit_update(Context& ctx, const json::object& before, json::object& after) {
  const KindBehaviour& kind = behaviour(ctx.kind);
  if (Status s = carry_meta(before, after); !s) return s;
  if (ctx.kind.has_status) carry(before, after, "status");
  kind.prepare_update(ctx, before, after);
  fill_defaults(ctx, kind, after);
  if (Status s = kind.admit_change(ctx, before, after); !s) return s;
  if (Status s = check_all(ctx, kind, &before, after); !s) return s;
  if (kind.has_generation() && kind.moves_generation(before, after))
    set_generation(after, generation(before) + 1);
  return {};
}

Status admit_status(Context& ctx, const json::object& before, json::object& after) {
  const KindBehaviour& kind = behaviour(ctx.kind);
  if (Status s = carry_meta(before, after); !s) return s;
  carry(object_in(before, "metadata"), make_object(after, "metadata"), "ownerReferences");
  json::object next = before;
  next["metadata"] = after["metadata"];
  carry(after, next, "status");
  after = std::move(next);
  FieldErrors errors;
  check_meta(kind, &before, after, &errors);
  as_value(after, [&](json::value& v) {
    validation::apply_defaults(*ctx.kind.type, v);
    check_schema(ctx, kind, nullptr, v, &errors);
  });
  kind.validate_status(before, after, &errors);
  if (!errors.empty()) return invalid(ctx, errors, after);
  return {};
}

Status admit_finalize(const json::object& before, json::object& after) {
  if (Status s = carry_meta(before, after); !s) return s;
  json::object next = before;
  carry(object_in(after, "spec"), make_object(next, "spec"), "finalizers");
  after = std::move(next);
  return {};
}

void begin_delete(const KindInfo& kind, json::object& object) {
  if (kind.group.empty() && kind.kind == "Namespace")
    make_object(object, "status")["phase"] = "Terminating";
}

bool removable(const KindInfo& kind, const json::object& object) {
  if (!array_in(object_in(object, "metadata"), "finalizers").empty()) return false;
  bool ns = kind.group.empty() && kind.kind == "Namespace";
  return !ns || array_in(object_in(object, "spec"), "finalizers").empty();
}

void release(Context& ctx, const json::object& object) {
  behaviour(ctx.kind).release(ctx, object);
}

int64_t grace_period(const KindInfo& kind, const json::object& object,
                     std::optional<int64_t> asked) {
  if (!kind.group.empty() || kind.kind != "Pod") return 0;
  const json::object& spec = object_in(object, "spec");
  if (text_in(spec, "nodeName").empty() || finished(object)) return 0;
  int64_t seconds = asked.value_or(number_in(spec, "terminationGracePeriodSeconds", 30));
  // A negative period is a second: the container still gets its signal.
  return seconds < 0 ? 1 : seconds;
}

}  // namespace kubus::store::kinds
