#include <flatbuffers/flatbuffers.h>

#include "schemas/lib/codec/codec.h"

namespace kubus::codec {
namespace {

using flatbuffers::Table;
using flatbuffers::uoffset_t;
using flatbuffers::Verifier;
using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;
using Tables = flatbuffers::Vector<flatbuffers::Offset<Table>>;
using Strings = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

// Table::VerifyTableStart and the field verifiers are protected: generated tables derive from
// Table, and so does this.
struct AnyTable : private Table {
  static const AnyTable* of(const void* p) { return reinterpret_cast<const AnyTable*>(p); }

  bool verify(Verifier& v, const TypeInfo& type) const {
    if (!VerifyTableStart(v)) return false;
    for (const FieldInfo& f : type.fields) {
      if (!verify_field(v, f)) return false;
    }
    return v.EndTable();
  }

  bool verify_field(Verifier& v, const FieldInfo& f) const {
    if (f.is_map) return verify_tables(v, f.voffset, *f.entry);
    if (f.is_list) return verify_list(v, f);
    switch (f.kind) {
      case ValueKind::kBool:
        return VerifyField<uint8_t>(v, f.voffset, sizeof(uint8_t));
      case ValueKind::kInt32:
        return VerifyField<int32_t>(v, f.voffset, sizeof(int32_t));
      case ValueKind::kInt64:
      case ValueKind::kTime:
      case ValueKind::kMicroTime:
        return VerifyField<int64_t>(v, f.voffset, sizeof(int64_t));
      case ValueKind::kDecimal:
        return VerifyField<uint64_t>(v, f.voffset, sizeof(uint64_t));
      case ValueKind::kDouble:
        return VerifyField<double>(v, f.voffset, sizeof(double));
      case ValueKind::kString:
      case ValueKind::kQuantity:
      case ValueKind::kRawJson:
        return VerifyOffset(v, f.voffset) &&
               v.VerifyString(GetPointer<const flatbuffers::String*>(f.voffset));
      case ValueKind::kBytes:
      case ValueKind::kFieldSet:
        return VerifyOffset(v, f.voffset) &&
               v.VerifyVector(GetPointer<const flatbuffers::Vector<uint8_t>*>(f.voffset));
      case ValueKind::kIntOrString:
        return verify_child(v, f.voffset, int_or_string());
      case ValueKind::kTable:
        return verify_child(v, f.voffset, *f.type);
    }
    return false;
  }

  bool verify_list(Verifier& v, const FieldInfo& f) const {
    switch (f.kind) {
      case ValueKind::kInt32:
        return VerifyOffset(v, f.voffset) &&
               v.VerifyVector(GetPointer<const flatbuffers::Vector<int32_t>*>(f.voffset));
      case ValueKind::kInt64:
        return VerifyOffset(v, f.voffset) &&
               v.VerifyVector(GetPointer<const flatbuffers::Vector<int64_t>*>(f.voffset));
      case ValueKind::kString: {
        if (!VerifyOffset(v, f.voffset)) return false;
        const auto* list = GetPointer<const Strings*>(f.voffset);
        return v.VerifyVector(list) && v.VerifyVectorOfStrings(list);
      }
      case ValueKind::kTable:
        return verify_tables(v, f.voffset, *f.type);
      default:
        return false;
    }
  }

  bool verify_child(Verifier& v, uint16_t voffset, const TypeInfo& type) const {
    if (!VerifyOffset(v, voffset)) return false;
    const auto* child = GetPointer<const AnyTable*>(voffset);
    return !child || child->verify(v, type);
  }

  bool verify_tables(Verifier& v, uint16_t voffset, const TypeInfo& type) const {
    if (!VerifyOffset(v, voffset)) return false;
    const auto* list = GetPointer<const Tables*>(voffset);
    if (!v.VerifyVector(list)) return false;
    for (uoffset_t i = 0; list && i < list->size(); ++i) {
      if (!of(list->Get(i))->verify(v, type)) return false;
    }
    return true;
  }

  static const TypeInfo& int_or_string() {
    static const TypeInfo& type = *schema::Registry::get().type("kubus.meta.v1.IntOrString");
    return type;
  }
};

}  // namespace

bool verify(const TypeInfo& type, ByteView bytes) {
  // A verifier of flatbuffers reads the root offset unchecked below this size.
  if (bytes.size() < sizeof(uoffset_t) + sizeof(flatbuffers::soffset_t)) return false;
  constexpr unsigned kDepth = 64, kTables = 1'000'000;
  Verifier v(bytes.data(), bytes.size(), kDepth, kTables);
  if (v.VerifyOffset(0) == 0) return false;
  return AnyTable::of(flatbuffers::GetRoot<Table>(bytes.data()))->verify(v, type);
}

bool verify(const schema::KindInfo& kind, ByteView bytes) {
  return verify(*kind.type, bytes);
}

}  // namespace kubus::codec
