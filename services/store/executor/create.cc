// create, and the subresources that are made rather than changed: binding, eviction.
#include "services/store/executor/words.h"
#include "services/store/executor/write.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

using kinds::object_in;
using kinds::text_in;

Status run_binding(Scope& s, const json::object& binding) {
  Draft draft(s.memory);
  if (Status st = load(s, &draft); !st) return st;
  if (Status st = check_preconditions(s, *s.kind, s.name, draft.before, nullptr); !st) return st;
  draft.now = json::value(draft.old, s.memory);
  Stage stage(s, *s.kind, s.ns, s.name);
  if (Status st = kinds::bind(stage.context(), binding, draft.now.get_object()); !st) return st;
  auto managers = patch::managers_of(draft.old);
  if (managers) draft.managers = *std::move(managers);
  patch::Manager who = writer_of(s, *s.kind);
  patch::note_update(*s.kind, draft.old, draft.now, who, &draft.managers);
  patch::set_managers(draft.now, draft.managers, patch::FieldsForm::kOpaque);
  draft.manager = who.name;
  Status done = store_change(s, &draft);
  s.out->created = true;
  return done;
}

Status run_eviction(Scope& s, const json::object& eviction) {
  Draft draft(s.memory);
  if (Status st = load(s, &draft); !st) return st;
  const json::object& options = object_in(eviction, "deleteOptions");
  std::string_view uid = text_in(object_in(options, "preconditions"), "uid");
  if (!uid.empty() && uid != draft.before.object(*s.kind).uid())
    return conflict(*s.kind, s.name, "it is another object than the eviction names");
  RemoveOptions remove;
  if (kinds::has(options, "gracePeriodSeconds"))
    remove.grace_seconds = kinds::number_in(options, "gracePeriodSeconds");
  Status done = remove_gracefully(s, &draft, remove);
  s.out->created = true;
  return done;
}

Status check_place(const Scope& s, const json::object& object) {
  if (s.kind->namespaced && s.ns.empty())
    return Error(Code::kBadRequest, "a namespace is needed to create " + s.kind->resource);
  std::string_view name = text_in(object_in(object, "metadata"), "name");
  if (s.name.empty() || name.empty() || s.name == name) return {};
  return Error(Code::kBadRequest, "the name of the object (" + std::string(name) +
                                      ") is not that of the request (" + std::string(s.name) + ")");
}

}  // namespace

Status run_create(Scope& s) {
  auto body = body_kind(*s.kind, s.subresource);
  if (!body) return body.error();
  auto value = decode(s, **body);
  if (!value) return value.error();
  if (Status st = judge(s, {}); !st) return st;
  if (s.subresource == "binding") return run_binding(s, value->get_object());
  if (s.subresource == "eviction") return run_eviction(s, value->get_object());
  if (s.subresource == "token") return run_token(s, value->get_object());
  if (!s.subresource.empty())
    return Error(Code::kMethodNotAllowed, std::string(s.subresource) + " cannot be created");
  if (Status st = check_place(s, value->get_object()); !st) return st;
  json::object& meta = kinds::make_object(value->get_object(), "metadata");
  if (text_in(meta, "name").empty() && text_in(meta, "generateName").empty() && !s.name.empty())
    meta["name"] = s.name;
  Draft draft(s.memory);
  draft.kind = s.kind;
  draft.ns = s.ns;
  draft.now = *std::move(value);
  return create_object(s, &draft);
}

}  // namespace kubus::store
