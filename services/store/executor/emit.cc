#include "services/store/executor/emit.h"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>

#include "schemas/lib/codec/scalars.h"
#include "services/store/executor/admit.h"
#include "services/store/executor/words.h"
#include "services/store/kinds/indexed.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

using kinds::object_in;
using kinds::text_in;

constexpr size_t kShortestValue = 4;  // shorter ones stand in any text
constexpr size_t kMostPaths = 65;     // one more than an event shows

std::vector<std::string> changed_paths(const Draft& draft) {
  const schema::TypeInfo& type = *draft.kind->type;
  auto changed = patch::FieldSet::changed(type, draft.old, draft.now);
  auto removed = patch::FieldSet::removed(type, draft.old, draft.now);
  std::vector<std::string> out =
      (removed.empty() ? changed : changed.united(removed)).paths(kMostPaths);
  for (const std::string& path : draft.also_changed) {
    if (std::find(out.begin(), out.end(), path) == out.end()) out.insert(out.begin(), path);
  }
  return out;
}

// The old labels and selectable fields, where they differ. False: none does.
bool before_of(const Draft& draft, ByteView bytes, BeforeChange* out) {
  const json::object& old = object_in(draft.old.get_object(), "metadata");
  const json::object& now = object_in(draft.now.get_object(), "metadata");
  if (object_in(old, "labels") != object_in(now, "labels")) {
    out->labels_changed = true;
    for (const auto& [key, v] : object_in(old, "labels"))
      out->labels.push_back({std::string(key), std::string(kinds::text_of(v))});
  }
  Object was = draft.before.object(*draft.kind);
  Object is = Object::trusted(*draft.kind, Payload(bytes, nullptr));
  for (const std::string& path : draft.kind->selectable) {
    auto a = was.field(path), b = is.field(path);
    if (a.value_or("") != b.value_or("")) out->fields.push_back({path, a.value_or("")});
  }
  return out->labels_changed || !out->fields.empty();
}

// What a client keeps of the whole object in an annotation, for its own patches, and whatever else
// repeats a value of it: on an event that would show what the kind keeps to itself.
bool tells(const json::object& object, std::string_view key, std::string_view text) {
  if (key == "kubectl.kubernetes.io/last-applied-configuration") return true;
  for (std::string_view field : {"data", "stringData"}) {
    for (const auto& [name, v] : object_in(object, field)) {
      std::string_view encoded = kinds::text_of(v);
      if (!encoded.empty() && text.find(encoded) != std::string_view::npos) return true;
      auto plain = codec::from_base64(encoded);
      bool long_enough = plain && plain->size() >= kShortestValue;
      if (long_enough && text.find(as_text(*plain)) != std::string_view::npos) return true;
    }
  }
  return false;
}

Result<Buffer> metadata_alone(const Draft& draft, Revision revision) {
  json::value v(json::object{}, draft.now.storage());
  const json::object& object = draft.now.get_object();
  json::object& meta =
      v.get_object().emplace("metadata", object_in(object, "metadata")).first->value().get_object();
  json::object kept(draft.now.storage());
  for (const auto& [key, text] : object_in(object_in(object, "metadata"), "annotations")) {
    if (!tells(object, key, kinds::text_of(text))) kept[key] = text;
  }
  if (meta.contains("annotations")) meta["annotations"] = std::move(kept);
  Result<Buffer> out = codec::from_value(*draft.kind, v, nullptr);
  if (out) set_revision(*draft.kind, revision, &*out);
  return out;
}

Status check_sizes(const Draft& draft, ByteView bytes, std::string_view node) {
  if (bytes.size() > kMostObjectBytes) {
    return Error(Code::kTooLarge, draft.kind->kind + " \"" + std::string(draft.name) + "\" has " +
                                      std::to_string(bytes.size()) +
                                      " bytes; an object has at most 1572864");
  }
  if (node.size() <= kMaxName && draft.name.size() <= kMaxName && draft.ns.size() <= kMaxNs)
    return {};
  validation::FieldErrors errors;
  errors.too_long(node.size() > kMaxName ? "spec.nodeName" : "metadata.name", kMaxName);
  return errors.error(draft.kind->kind, draft.name.substr(0, kMaxName));
}

}  // namespace

void set_revision(const schema::KindInfo& kind, Revision revision, Buffer* bytes) {
  const schema::FieldInfo* meta = kind.type->find("metadata");
  const schema::FieldInfo* field = meta->type->find("resourceVersion");
  auto* root = flatbuffers::GetMutableRoot<flatbuffers::Table>(bytes->data());
  auto* table = root->GetPointer<flatbuffers::Table*>(meta->voffset);
  table->SetField<uint64_t>(field->voffset, revision.value(), 0);
}

Result<Revision> emit(Scope& s, ChangeType type, const Draft& draft, ByteView bytes) {
  const schema::KindInfo& kind = *draft.kind;
  const json::object& value = draft.now.get_object();
  std::string_view node = kinds::node_of(kind, draft.name, value);
  if (Status st = check_sizes(draft, bytes, node); !st) return st.error();
  if (Status st = heed_admission(s, type, draft, bytes); !st) return st.error();
  Change c;
  c.type = type;
  c.kind = &kind;
  c.ns = draft.ns;
  c.name = draft.name;
  c.uid = text_in(object_in(value, "metadata"), "uid");
  c.object = bytes;
  Result<Buffer> metadata = Buffer();
  if (kind.confidential) {
    metadata = metadata_alone(draft, s.tx->next_revision());
    if (!metadata) return metadata.error();
    c.metadata = *metadata;
  }
  std::vector<std::string> changed, owners;
  BeforeChange before;
  if (type == ChangeType::kModified) {
    changed = changed_paths(draft);
    c.changed = changed;
    if (before_of(draft, bytes, &before)) c.before = &before;
  }
  std::vector<ObjectKey> references;
  if (type != ChangeType::kDeleted) {
    owners = kinds::owners_of(value);
    c.owners = owners;
    if (!node.empty()) references = kinds::references(kind, value);
    c.references = references;
  }
  c.subresource = s.subresource;
  c.manager = draft.manager;
  c.node = node;
  c.referable = kinds::is_referable(kind);
  c.aged = kinds::is_aged(kind);
  return s.tx->add(c, s.origin);
}

}  // namespace kubus::store
