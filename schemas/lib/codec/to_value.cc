// FlatBuffer → value.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "schemas/lib/base/check.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/reader.h"
#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/patch/fieldset.h"

namespace kubus::codec {
namespace {

using flatbuffers::Table;
using flatbuffers::uoffset_t;
using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

class Decoder {
 public:
  explicit Decoder(json::storage_ptr sp, patch::FieldsForm fields = patch::FieldsForm::kShown)
      : sp_(std::move(sp)), fields_(fields) {}

  json::object table(const TypeInfo& type, const Table* t) {
    json::object out(sp_);
    auto here = [t](const TypeInfo::Place& p) {
      return p.always || (t != nullptr && t->CheckField(p.voffset));
    };
    out.reserve(static_cast<size_t>(std::count_if(type.places.begin(), type.places.end(), here)));
    for (size_t i = 0; i < type.places.size(); ++i) {
      if (!here(type.places[i])) continue;
      const FieldInfo& f = type.fields[i];
      json::value v = field(f, t);
      if (!v.is_null() || (f.always && is_time(f))) out.emplace(f.name, std::move(v));
    }
    return out;
  }

 private:
  static bool is_time(const FieldInfo& f) {
    return f.kind == ValueKind::kTime || f.kind == ValueKind::kMicroTime;
  }

  json::value string(std::string_view s) {
    return json::value(json::string_view(s.data(), s.size()), sp_);
  }

  // null: absent.
  json::value field(const FieldInfo& f, const Table* t) {
    if (f.is_map) return map(f, t);
    if (f.is_list) return list(f, t);
    switch (f.kind) {
      case ValueKind::kBool:
      case ValueKind::kInt32:
      case ValueKind::kInt64:
      case ValueKind::kDecimal:
      case ValueKind::kTime:
      case ValueKind::kMicroTime:
        return number(f, t);
      case ValueKind::kDouble:
        if (!t || !t->CheckField(f.voffset))
          return f.always ? json::value(0, sp_) : json::value(sp_);
        return json::value(t->GetField<double>(f.voffset, 0), sp_);
      case ValueKind::kTable: {
        const Table* child = t ? read_pointer<Table>(*t, f) : nullptr;
        if (!child && !f.always) return json::value(sp_);
        return table(*f.type, child);
      }
      case ValueKind::kIntOrString:
        return int_or_string(t ? read_pointer<Table>(*t, f) : nullptr);
      default:
        return text(f, t);
    }
  }

  json::value number(const FieldInfo& f, const Table* t) {
    bool present = false;
    int64_t n = t ? read_number(*t, f, &present) : 0;
    if (is_time(f)) {
      if (!present) return json::value(sp_);
      return string(f.kind == ValueKind::kTime ? format_time(n) : format_micro_time(n));
    }
    if (!present && !f.always) return json::value(sp_);
    if (f.kind == ValueKind::kBool) return json::value(n != 0, sp_);
    if (f.kind == ValueKind::kDecimal) return string(std::to_string(static_cast<uint64_t>(n)));
    return json::value(n, sp_);
  }

  json::value text(const FieldInfo& f, const Table* t) {
    if (!t || !t->CheckField(f.voffset)) return f.always ? string("") : json::value(sp_);
    if (f.kind == ValueKind::kBytes || f.kind == ValueKind::kFieldSet) {
      return bytes(f.kind, read_pointer<flatbuffers::Vector<uint8_t>>(*t, f));
    }
    return scalar(f.kind, read_pointer<flatbuffers::String>(*t, f));
  }

  json::value scalar(ValueKind kind, const flatbuffers::String* s) {
    if (kind != ValueKind::kRawJson) return string(view(s));
    auto raw = parse_json(view(s), nullptr, sp_);  // verify saw to it that it is JSON
    return raw ? *std::move(raw) : json::value(sp_);
  }

  json::value bytes(ValueKind kind, const flatbuffers::Vector<uint8_t>* v) {
    if (!v) return string("");
    ByteView raw(v->data(), v->size());
    if (kind == ValueKind::kBytes) return string(base64(raw));
    if (fields_ == patch::FieldsForm::kOpaque) return patch::FieldSet::opaque(raw, sp_);
    auto set = patch::FieldSet::from_compact(raw);
    return set ? set->to_fields_v1(sp_) : json::value(json::object(sp_));
  }

  json::value int_or_string(const Table* t) {
    if (!t) return json::value(sp_);
    const auto* text = t->GetPointer<const flatbuffers::String*>(6);
    if (text) return string(view(text));
    return json::value(t->GetField<int32_t>(4, 0), sp_);
  }

  json::value list(const FieldInfo& f, const Table* t) {
    if (!t || !t->CheckField(f.voffset)) return json::value(sp_);
    json::array out(sp_);
    switch (f.kind) {
      case ValueKind::kTable:
        for (const Table* item : *read_pointer<Tables>(*t, f)) out.push_back(table(*f.type, item));
        break;
      case ValueKind::kInt32:
        for (int32_t n : *read_pointer<flatbuffers::Vector<int32_t>>(*t, f)) out.emplace_back(n);
        break;
      case ValueKind::kInt64:
        for (int64_t n : *read_pointer<flatbuffers::Vector<int64_t>>(*t, f)) out.emplace_back(n);
        break;
      default:
        for (const auto* s : *read_pointer<Strings>(*t, f)) out.push_back(scalar(f.kind, s));
    }
    return out;
  }

  json::value map(const FieldInfo& f, const Table* t) {
    if (!t || !t->CheckField(f.voffset)) return json::value(sp_);
    const auto* entries = read_pointer<Tables>(*t, f);
    json::object out(sp_);
    out.reserve(entries->size());
    for (const Table* e : *entries) {
      std::string_view key = view(e->GetPointer<const flatbuffers::String*>(kEntryKey));
      json::value v =
          f.kind == ValueKind::kBytes
              ? bytes(f.kind, e->GetPointer<const flatbuffers::Vector<uint8_t>*>(kEntryValue))
              : string(view(e->GetPointer<const flatbuffers::String*>(kEntryValue)));
      out.emplace(json::string_view(key.data(), key.size()), std::move(v));
    }
    return out;
  }

  json::storage_ptr sp_;
  patch::FieldsForm fields_;
};

}  // namespace

json::value to_value(const schema::TypeInfo& type, ByteView bytes, json::storage_ptr sp) {
  return Decoder(std::move(sp)).table(type, root_of(bytes));
}

json::value to_value(const schema::KindInfo& kind, ByteView bytes, json::storage_ptr sp,
                     patch::FieldsForm fields) {
  return Decoder(std::move(sp), fields).table(*kind.type, root_of(bytes));
}

json::value part_to_value(const schema::KindInfo& kind, ByteView bytes, std::string_view field,
                          json::storage_ptr sp) {
  const FieldInfo* f = kind.type->find(field);
  KUBUS_CHECK(f != nullptr && f->kind == ValueKind::kTable && !f->is_list);
  const Table* part = read_pointer<Table>(*root_of(bytes), *f);
  if (part == nullptr && !f->always) return json::value(std::move(sp));
  return Decoder(std::move(sp)).table(*f->type, part);
}

}  // namespace kubus::codec
