// A table of a verified FlatBuffer, read by FieldInfo. Internal to this folder.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <string_view>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::codec {

using Tables = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::Table>>;
using Strings = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

// Where a map's entry keeps its two fields.
constexpr flatbuffers::voffset_t kEntryKey = 4;
constexpr flatbuffers::voffset_t kEntryValue = 6;

inline const flatbuffers::Table* root_of(ByteView bytes) {
  return flatbuffers::GetRoot<flatbuffers::Table>(bytes.data());
}

inline std::string_view view(const flatbuffers::String* s) {
  return s ? std::string_view(s->c_str(), s->size()) : std::string_view();
}

// A scalar that is there, widened; `*present` says whether it is.
inline int64_t read_number(const flatbuffers::Table& t, const schema::FieldInfo& f, bool* present) {
  *present = t.CheckField(f.voffset);
  switch (f.kind) {
    case schema::ValueKind::kBool:
      return t.GetField<uint8_t>(f.voffset, 0);
    case schema::ValueKind::kInt32:
      return t.GetField<int32_t>(f.voffset, 0);
    case schema::ValueKind::kDecimal:
      return static_cast<int64_t>(t.GetField<uint64_t>(f.voffset, 0));
    default:
      return t.GetField<int64_t>(f.voffset, 0);
  }
}

template <class T>
const T* read_pointer(const flatbuffers::Table& t, const schema::FieldInfo& f) {
  return t.GetPointer<const T*>(f.voffset);
}

}  // namespace kubus::codec
