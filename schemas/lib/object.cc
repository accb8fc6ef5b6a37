#include "schemas/lib/object.h"

#include <flatbuffers/flatbuffers.h>

#include "schemas/lib/codec/codec.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus {
namespace {

using schema::FieldInfo;
using schema::ValueKind;

// Every stored kind has its metadata as the first field.
constexpr uint16_t kMetadata = 4;

std::string_view view(const flatbuffers::String* s) {
  return s ? std::string_view(s->c_str(), s->size()) : std::string_view();
}

using Entries = flatbuffers::Vector<flatbuffers::Offset<meta::v1::StringEntry>>;

std::optional<std::string_view> lookup(const Entries* entries, std::string_view key) {
  size_t low = 0, high = entries ? entries->size() : 0;
  while (low < high) {
    size_t middle = (low + high) / 2;
    const auto* e = entries->Get(static_cast<flatbuffers::uoffset_t>(middle));
    std::string_view k = view(e->key());
    if (k == key) return view(e->value());
    if (k < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

std::optional<std::string> scalar_text(const flatbuffers::Table& t, const FieldInfo& f) {
  bool present = t.CheckField(f.voffset);
  switch (f.kind) {
    case ValueKind::kString:
      if (!present) return std::nullopt;
      return std::string(view(t.GetPointer<const flatbuffers::String*>(f.voffset)));
    case ValueKind::kBool:
      return t.GetField<uint8_t>(f.voffset, 0) ? "true" : "false";
    case ValueKind::kInt32:
      return std::to_string(t.GetField<int32_t>(f.voffset, 0));
    case ValueKind::kInt64:
      return std::to_string(t.GetField<int64_t>(f.voffset, 0));
    case ValueKind::kDecimal:
      return std::to_string(t.GetField<uint64_t>(f.voffset, 0));
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string ObjectKey::str() const {
  std::string out = kind ? kind->qualified_resource() : "?";
  if (!ns.empty()) out += "/" + ns;
  return out + "/" + name;
}

std::strong_ordering operator<=>(const ObjectKey& a, const ObjectKey& b) {
  uint16_t ka = a.kind ? a.kind->number : 0, kb = b.kind ? b.kind->number : 0;
  if (auto c = ka <=> kb; c != 0) return c;
  if (auto c = a.ns <=> b.ns; c != 0) return c;
  return a.name <=> b.name;
}

std::optional<Object> Object::from(const schema::KindInfo& kind, Payload bytes) {
  if (!codec::verify(kind, bytes.view())) return std::nullopt;
  Object o = trusted(kind, std::move(bytes));
  const auto* root = static_cast<const flatbuffers::Table*>(o.root());
  if (!root->CheckField(kMetadata)) return std::nullopt;
  return o;
}

Object Object::trusted(const schema::KindInfo& kind, Payload bytes) {
  Object o;
  o.kind_ = &kind;
  o.bytes_ = std::move(bytes);
  return o;
}

const void* Object::root() const {
  return flatbuffers::GetRoot<flatbuffers::Table>(bytes_.data());
}

const meta::v1::ObjectMeta& Object::meta() const {
  return *static_cast<const flatbuffers::Table*>(root())->GetPointer<const meta::v1::ObjectMeta*>(
      kMetadata);
}

ObjectKey Object::key() const {
  return {kind_, std::string(ns()), std::string(name())};
}
std::string_view Object::name() const {
  return view(meta().name());
}
std::string_view Object::ns() const {
  return view(meta().namespace_());
}
std::string_view Object::uid() const {
  return view(meta().uid());
}
Revision Object::revision() const {
  return Revision(meta().resource_version().value_or(0));
}
int64_t Object::generation() const {
  return meta().generation().value_or(0);
}
bool Object::terminating() const {
  return meta().deletion_timestamp().has_value();
}

std::optional<std::string_view> Object::label(std::string_view key) const {
  return lookup(meta().labels(), key);
}
std::optional<std::string_view> Object::annotation(std::string_view key) const {
  return lookup(meta().annotations(), key);
}

std::optional<std::string> Object::field(std::string_view path) const {
  const auto* table = static_cast<const flatbuffers::Table*>(root());
  const schema::TypeInfo* type = kind_->type;
  while (true) {
    size_t dot = path.find('.');
    const FieldInfo* f = type->find(path.substr(0, dot));
    if (!f || f->is_list || f->is_map) return std::nullopt;
    if (dot == std::string_view::npos) {
      // An Event's source is selected by its component.
      if (f->kind != ValueKind::kTable) return scalar_text(*table, *f);
      path = "component";
      if (!f->type->find(path)) return std::nullopt;
    } else {
      if (f->kind != ValueKind::kTable) return std::nullopt;
      path.remove_prefix(dot + 1);
    }
    table = table->GetPointer<const flatbuffers::Table*>(f->voffset);
    if (!table) return std::nullopt;
    type = f->type;
  }
}

}  // namespace kubus
