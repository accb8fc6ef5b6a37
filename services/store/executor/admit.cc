#include "services/store/executor/admit.h"

#include "schemas/lib/patch/patch.h"
#include "services/store/admission/pass.h"
#include "services/store/executor/words.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

using kinds::make_object;
using kinds::object_in;

constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

std::string_view operation_of(const Scope& s, ChangeType type) {
  wire::Verb verb = s.op.verb();
  bool removes = verb == wire::Verb::Delete || verb == wire::Verb::DeleteCollection ||
                 s.subresource == "eviction";
  if (removes) return "DELETE";
  return type == ChangeType::kAdded ? "CREATE" : "UPDATE";
}

// Of a confidential kind: nothing but its metadata.
Result<Buffer> metadata_of(const schema::KindInfo& kind, const json::value& value) {
  json::object meta(object_in(value.get_object(), "metadata"));
  if (json::value* notes = meta.if_contains("annotations"); notes && notes->is_object())
    notes->get_object().erase(kLastApplied);
  return codec::from_value(kind, json::object{{"metadata", std::move(meta)}}, nullptr);
}

Buffer copy_of(ByteView bytes) {
  return Buffer(bytes.begin(), bytes.end());
}

}  // namespace

Status heed_admission(Scope& s, ChangeType type, const Draft& draft, ByteView bytes) {
  if (s.admission == nullptr) return {};
  Candidate c;
  c.operation = operation_of(s, type);
  c.kind = draft.kind;
  c.ns = draft.ns;
  c.name = draft.name;
  c.subresource = s.subresource == "eviction" ? "" : s.subresource;
  c.before = draft.before.revision;
  bool stays = c.operation != "DELETE";
  bool whole = c.subresource.empty() || c.subresource == "status";
  c.patchable = stays && whole && !draft.kind->confidential;
  if (s.admission->probes() && s.admission->concerns(c)) {
    if (!draft.kind->confidential) {
      if (stays) c.object = copy_of(bytes);
      if (draft.before) c.old = copy_of(draft.before.bytes.view());
    } else {
      auto now = metadata_of(*draft.kind, draft.now);
      auto old = draft.old.is_object() ? metadata_of(*draft.kind, draft.old) : Buffer();
      if (!now || !old) return now ? old.error() : now.error();
      if (stays) c.object = *std::move(now);
      c.old = *std::move(old);
    }
  }
  return s.admission->on_change(std::move(c), &s.out->warnings);
}

bool wants_changes(const Scope& s) {
  return s.admission != nullptr && s.admission->next() != nullptr;
}

Status apply_admission(Scope& s, Draft* draft) {
  const Verdict& verdict = *s.admission->next();
  json::object before(object_in(draft->now.get_object(), "metadata"));
  json::value doc(draft->now, s.memory);
  for (const auto& [subscriber, text] : verdict.patches) {
    auto bad = [&, name = subscriber](const std::string& why) {
      return Error(Code::kInternal,
                   "admission subscriber \"" + name + "\" answered with a bad patch: " + why);
    };
    auto patch = codec::parse_json(text, nullptr, s.memory);
    if (!patch) return bad(patch.error().message);
    if (Status st = patch::json_patch(doc, *patch); !st) return bad(st.error().message);
    auto now = canonical(s, *draft->kind, doc, nullptr);
    if (!now) return bad(now.error().message);
    doc = *std::move(now);
  }
  draft->now = std::move(doc);
  json::object& meta = make_object(draft->now.get_object(), "metadata");
  for (const char* fixed : {"name", "generateName", "namespace", "uid", "resourceVersion"})
    kinds::carry(before, meta, fixed);
  return {};
}

}  // namespace kubus::store
