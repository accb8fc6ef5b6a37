// Server-side apply.
#include "services/store/executor/words.h"
#include "services/store/executor/write.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

using kinds::object_in;
using kinds::text_in;

Status check_applied(const Scope& s, const json::value& applied) {
  if (!applied.is_object()) return Error(Code::kBadRequest, "what is applied must be an object");
  const json::object& o = applied.get_object();
  if (text_in(o, "apiVersion").empty() || text_in(o, "kind").empty())
    return Error(Code::kBadRequest, "what is applied must have apiVersion and kind");
  const json::object& meta = object_in(o, "metadata");
  if (kinds::has(meta, "managedFields"))
    return Error(Code::kBadRequest, "metadata.managedFields must be nil");
  std::string_view name = text_in(meta, "name");
  if (!name.empty() && name != s.name)
    return Error(Code::kBadRequest, "the name of the object (" + std::string(name) +
                                        ") is not that of the request (" + std::string(s.name) +
                                        ")");
  if (text_of(s.op.field_manager()).empty())
    return Error(Code::kBadRequest, "fieldManager is required for apply");
  return {};
}

Status apply_new(Scope& s, const json::value& applied, const patch::Manager& who) {
  if (!s.subresource.empty()) return not_found(*s.kind, s.name);
  if (!text_in(object_in(applied.get_object(), "metadata"), "uid").empty())
    return conflict(*s.kind, s.name, "it is gone: its uid is given, but there is no such object");
  Draft draft(s.memory);
  draft.kind = s.kind;
  draft.ns = s.ns;
  draft.owned = true;
  draft.manager = who.name;
  auto merged = patch::apply(*s.kind, nullptr, applied, who, s.op.force(), &draft.managers);
  if (!merged) return merged.error();
  auto now = canonical(s, *s.kind, *merged, nullptr);
  if (!now) return now.error();
  draft.now = *std::move(now);
  json::object& meta = kinds::make_object(draft.now.get_object(), "metadata");
  meta["name"] = s.name;
  meta.erase("resourceVersion");
  return create_object(s, &draft);
}

}  // namespace

Status run_apply(Scope& s) {
  std::vector<codec::Problem> problems;
  auto given = codec::parse_json(as_text(bytes_of(s.op.patch())), &problems, s.memory);
  if (!given) return given.error();
  if (Status st = check_applied(s, *given); !st) return st;
  if (s.subresource == "scale")
    return Error(Code::kMethodNotAllowed, "scale can be updated or patched, not applied");
  std::vector<codec::Problem> unknown;
  auto applied = canonical(s, *s.kind, *given, &unknown);
  if (!applied) return applied.error();
  problems.insert(problems.end(), unknown.begin(), unknown.end());
  if (Status st = judge(s, problems); !st) return st;
  // Nobody can own a field that is not there: whatever the validation asked for, this is refused,
  // with the code that clients know it by.
  if (!unknown.empty())
    return Error(Code::kInternal, "what is applied cannot be typed: " + unknown[0].message);
  patch::Manager who = writer_of(s, *s.kind);
  who.apply = true;
  // What is applied stays as it was written, empty structs and all: they are owned too.
  Draft draft(s.memory);
  if (Status st = load(s, &draft); !st) return apply_new(s, *given, who);
  Status held = check_preconditions(s, *s.kind, s.name, draft.before, &*applied);
  if (!held) return held;
  auto managers = patch::managers_of(draft.old);
  if (managers) draft.managers = *std::move(managers);
  auto merged = patch::apply(*s.kind, draft.old, *given, who, s.op.force(), &draft.managers);
  if (!merged) return merged.error();
  auto now = canonical(s, *s.kind, *merged, nullptr);
  if (!now) return now.error();
  draft.now = *std::move(now);
  draft.owned = true;
  draft.manager = who.name;
  return change_object(s, &draft);
}

}  // namespace kubus::store
