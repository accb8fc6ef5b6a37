// The patches: json, merge and strategic, against the object as it stands, so that none can come
// too late.
#include "schemas/lib/patch/patch.h"

#include "services/store/executor/words.h"
#include "services/store/executor/write.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

Status apply_patch(wire::PatchType type, const schema::KindInfo& kind, json::value& doc,
                   const json::value& patch) {
  switch (type) {
    case wire::PatchType::Json:
      return patch::json_patch(doc, patch);
    case wire::PatchType::Merge:
    case wire::PatchType::Strategic:
      break;
    default:
      return Error(Code::kBadRequest, "a patch is of type json, merge or strategic");
  }
  if (!patch.is_object()) return Error(Code::kBadRequest, "the patch must be an object");
  if (type == wire::PatchType::Strategic) return patch::strategic_merge(*kind.type, doc, patch);
  patch::merge_patch(doc, patch);
  return {};
}

// What the patch is about: the object, or its scale. As clients know it, with apiVersion and kind.
Result<json::value> document(Scope& s, const Draft& draft, const schema::KindInfo& body) {
  json::value out(draft.old, s.memory);
  if (s.subresource == "scale") {
    auto scale = kinds::scale_of(*s.kind, draft.old.get_object());
    if (!scale) return scale.error();
    out = json::value(*std::move(scale), s.memory);
  }
  out.get_object()["apiVersion"] = body.api_version();
  out.get_object()["kind"] = body.kind;
  return out;
}

// What a patch makes of the object is refused as the patch's fault, not as malformed input.
Error blame_patch(const Scope& s, const Error& e) {
  if (e.code != Code::kBadRequest) return e;
  return Error(Code::kInvalid, s.kind->kind + " is invalid: patch: Invalid value: " + e.message,
               {{"FieldValueInvalid", "Invalid value: " + e.message, "patch"}});
}

}  // namespace

Status run_patch(Scope& s) {
  auto body = body_kind(*s.kind, s.subresource);
  if (!body) return body.error();
  std::vector<codec::Problem> problems;
  std::string_view text = as_text(bytes_of(s.op.patch()));
  auto patch = codec::parse_json(text, &problems, s.memory);
  if (!patch) return patch.error();
  Draft draft(s.memory);
  bool owners = text.find("managedFields") != std::string_view::npos;
  auto fields = owners ? patch::FieldsForm::kShown : patch::FieldsForm::kOpaque;
  if (Status st = load(s, &draft, fields); !st) return st;
  auto doc = document(s, draft, **body);
  if (!doc) return doc.error();
  if (Status st = apply_patch(s.op.patch_type(), **body, *doc, *patch); !st) return st;
  auto now = canonical(s, **body, *doc, &problems);
  if (!now) return blame_patch(s, now.error());
  if (Status st = judge(s, problems); !st) return blame_patch(s, st.error());
  draft.now = *std::move(now);
  return change_object(s, &draft);
}

}  // namespace kubus::store
