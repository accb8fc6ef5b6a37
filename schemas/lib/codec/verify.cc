#include <flatbuffers/flatbuffers.h>

#include <cmath>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/reader.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::codec {
namespace {

using flatbuffers::Table;
using flatbuffers::uoffset_t;
using flatbuffers::Verifier;
using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

// The verifier of flatbuffers and what it does not look at: that text is UTF-8 and raw JSON is JSON
// (both are copied into output as they are), and that a small buffer does not show the same bytes
// again and again.
class Checker {
 public:
  explicit Checker(ByteView bytes)
      : verifier_(bytes.data(), bytes.size(), kDepth, most_tables(bytes.size())),
        left_(bytes.size() * kSharing) {}

  Verifier& base() { return verifier_; }
  bool text(const flatbuffers::String* s) {
    return verifier_.VerifyString(s) && (!s || (spend(s->size()) && valid_utf8(view(s))));
  }
  bool raw_json(const flatbuffers::String* s) {
    return text(s) && (!s || parse_json(view(s), nullptr).ok());
  }
  template <class T>
  bool vector(const flatbuffers::Vector<T>* v) {
    return verifier_.VerifyVector(v) && (!v || spend(v->size() * sizeof(T)));
  }

 private:
  static constexpr uoffset_t kDepth = 64;
  // Parts may be referred to more than once; readers walk at most this many times the buffer.
  static constexpr size_t kSharing = 16;
  // A table takes eight bytes at least, its place in its parent included.
  static uoffset_t most_tables(size_t bytes) { return static_cast<uoffset_t>(bytes / 8 + 1); }

  bool spend(size_t n) {
    if (n > left_) return false;
    left_ -= n;
    return true;
  }

  Verifier verifier_;
  size_t left_;
};

// Table::VerifyTableStart and the field verifiers are protected: generated tables derive from
// Table, and so does this.
struct AnyTable : private Table {
  static const AnyTable* of(const void* p) { return reinterpret_cast<const AnyTable*>(p); }

  bool verify(Checker& c, const TypeInfo& type) const {
    if (!VerifyTableStart(c.base())) return false;
    for (const FieldInfo& f : type.fields) {
      if (!verify_field(c, f)) return false;
    }
    return c.base().EndTable();
  }

 private:
  bool verify_field(Checker& c, const FieldInfo& f) const {
    if (f.is_map) return verify_map(c, f);
    if (f.is_list) return verify_list(c, f);
    switch (f.kind) {
      case ValueKind::kBool:
        return VerifyField<uint8_t>(c.base(), f.voffset, sizeof(uint8_t));
      case ValueKind::kInt32:
        return VerifyField<int32_t>(c.base(), f.voffset, sizeof(int32_t));
      case ValueKind::kInt64:
      case ValueKind::kTime:
      case ValueKind::kMicroTime:
        return VerifyField<int64_t>(c.base(), f.voffset, sizeof(int64_t));
      case ValueKind::kDecimal:
        return VerifyField<uint64_t>(c.base(), f.voffset, sizeof(uint64_t));
      case ValueKind::kDouble:
        return VerifyField<double>(c.base(), f.voffset, sizeof(double)) &&
               std::isfinite(GetField<double>(f.voffset, 0));
      case ValueKind::kRawJson:
        return VerifyOffset(c.base(), f.voffset) && c.raw_json(at<flatbuffers::String>(f));
      case ValueKind::kString:
      case ValueKind::kQuantity:
        return VerifyOffset(c.base(), f.voffset) && c.text(at<flatbuffers::String>(f));
      case ValueKind::kBytes:
      case ValueKind::kFieldSet:
        return VerifyOffset(c.base(), f.voffset) && c.vector(at<flatbuffers::Vector<uint8_t>>(f));
      case ValueKind::kIntOrString:
        return verify_child(c, f, int_or_string());
      case ValueKind::kTable:
        return verify_child(c, f, *f.type);
    }
    return false;
  }

  template <class T>
  const T* at(const FieldInfo& f) const {
    return GetPointer<const T*>(f.voffset);
  }

  bool verify_list(Checker& c, const FieldInfo& f) const {
    if (!VerifyOffset(c.base(), f.voffset)) return false;
    switch (f.kind) {
      case ValueKind::kInt32:
        return c.vector(at<flatbuffers::Vector<int32_t>>(f));
      case ValueKind::kInt64:
        return c.vector(at<flatbuffers::Vector<int64_t>>(f));
      case ValueKind::kString:
        return verify_strings(c, at<Strings>(f));
      case ValueKind::kTable:
        return verify_tables(c, at<Tables>(f), *f.type);
      default:
        return false;
    }
  }

  static bool verify_strings(Checker& c, const Strings* list) {
    if (!c.vector(list)) return false;
    for (uoffset_t i = 0; list && i < list->size(); ++i) {
      if (!c.text(list->Get(i))) return false;
    }
    return true;
  }

  bool verify_child(Checker& c, const FieldInfo& f, const TypeInfo& type) const {
    if (!VerifyOffset(c.base(), f.voffset)) return false;
    const auto* child = at<AnyTable>(f);
    return !child || child->verify(c, type);
  }

  static bool verify_tables(Checker& c, const Tables* list, const TypeInfo& type) {
    if (!c.vector(list)) return false;
    for (uoffset_t i = 0; list && i < list->size(); ++i) {
      if (!of(list->Get(i))->verify(c, type)) return false;
    }
    return true;
  }

  // Every entry has its key and value, and keys ascend: readers search by halves.
  bool verify_map(Checker& c, const FieldInfo& f) const {
    if (!VerifyOffset(c.base(), f.voffset)) return false;
    const auto* list = at<Tables>(f);
    if (!verify_tables(c, list, *f.entry)) return false;
    std::string_view before;
    for (uoffset_t i = 0; list && i < list->size(); ++i) {
      const Table* entry = list->Get(i);
      const auto* key = entry->GetPointer<const flatbuffers::String*>(kEntryKey);
      if (!key || !entry->CheckField(kEntryValue) || (i > 0 && view(key) <= before)) return false;
      before = view(key);
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
  Checker c(bytes);
  if (c.base().VerifyOffset(size_t{0}) == 0) return false;
  return AnyTable::of(flatbuffers::GetRoot<Table>(bytes.data()))->verify(c, type);
}

bool verify(const schema::KindInfo& kind, ByteView bytes) {
  return verify(*kind.type, bytes);
}

}  // namespace kubus::codec
