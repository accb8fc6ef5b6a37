// Value → FlatBuffer.
#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/reader.h"
#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/patch/fieldset.h"
#include "schemas/lib/quantity.h"

namespace kubus::codec {
namespace {

using flatbuffers::uoffset_t;
using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

// Where the encoder stands, kept as steps and written out only when something is wrong there.
struct Step {
  std::string_view name;  // a field or a map key; empty: an index
  size_t index = 0;
  bool map_key = false;
};

class Encoder {
 public:
  explicit Encoder(std::vector<Problem>* problems) : problems_(problems) { builder_.Clear(); }

  Result<Buffer> encode(const TypeInfo& type, const json::value& value,
                        const schema::KindInfo* kind) {
    kind_ = kind;
    if (!value.is_object())
      return Error(Code::kBadRequest, "expected an object, got " + shown(value));
    uoffset_t root = 0;
    if (!table(type, value.get_object(), &root)) return std::move(error_);
    builder_.Finish(flatbuffers::Offset<void>(root));
    return Buffer(builder_.GetBufferPointer(), builder_.GetBufferPointer() + builder_.GetSize());
  }

 private:
  // What a field will hold: an offset to what was written, or the scalar itself.
  struct Slot {
    const json::value* value = nullptr;
    uoffset_t offset = 0;
    int64_t number = 0;
    double real = 0;
    bool present = false;
  };

  // `keep_empty` false: a table without any field is not written, and *out stays 0.
  bool table(const TypeInfo& type, const json::object& object, uoffset_t* out,
             bool keep_empty = true) {
    size_t base = slots_.size();
    slots_.resize(base + type.fields.size());
    bool root = steps_.empty();
    for (const auto& member : object) {
      const FieldInfo* f = type.find({member.key().data(), member.key().size()});
      if (f) {
        slots_[base + f->id].value = &member.value();
      } else if (!(root && kind_ && type_meta(member.key(), member.value()))) {
        unknown(type, {member.key().data(), member.key().size()});
      }
      if (failed_) return false;
    }
    for (size_t id = 0; id < type.fields.size(); ++id) {
      const json::value* v = slots_[base + id].value;
      if (!v || v->is_null()) continue;
      const FieldInfo& f = type.fields[id];
      steps_.push_back({f.name});
      Slot slot;
      slot.value = v;
      bool good = field(f, *v, &slot);
      slots_[base + id] = slot;  // slots_ may have moved meanwhile
      if (!good) return false;
      steps_.pop_back();
    }
    bool any = false;
    for (size_t i = base; i < slots_.size(); ++i) any = any || slots_[i].present;
    if (any || keep_empty) *out = write_table(type, base);
    slots_.resize(base);
    return true;
  }

  uoffset_t write_table(const TypeInfo& type, size_t base) {
    uoffset_t start = builder_.StartTable();
    for (size_t id = 0; id < type.fields.size(); ++id) {
      const Slot& s = slots_[base + id];
      if (!s.present) continue;
      const FieldInfo& f = type.fields[id];
      if (s.offset) {
        builder_.AddOffset(f.voffset, flatbuffers::Offset<void>(s.offset));
        continue;
      }
      switch (f.kind) {
        case ValueKind::kBool:
          builder_.AddElement<uint8_t>(f.voffset, s.number != 0);
          break;
        case ValueKind::kInt32:
          builder_.AddElement<int32_t>(f.voffset, static_cast<int32_t>(s.number));
          break;
        case ValueKind::kDouble:
          builder_.AddElement<double>(f.voffset, s.real);
          break;
        case ValueKind::kDecimal:
          builder_.AddElement<uint64_t>(f.voffset, static_cast<uint64_t>(s.number));
          break;
        default:
          builder_.AddElement<int64_t>(f.voffset, s.number);
          break;
      }
    }
    return builder_.EndTable(start);
  }

  bool field(const FieldInfo& f, const json::value& v, Slot* slot) {
    if (f.is_map) return map(f, v, slot);
    if (f.is_list) return list(f, v, slot);
    switch (f.kind) {
      case ValueKind::kBool:
        if (!v.is_bool()) return wrong(v, "a boolean");
        return number(f, v.get_bool(), slot);
      case ValueKind::kInt32:
      case ValueKind::kInt64: {
        int64_t n = 0;
        return integer(v, f.kind == ValueKind::kInt32, &n) && number(f, n, slot);
      }
      case ValueKind::kDouble:
        return real(f, v, slot);
      case ValueKind::kDecimal:
        return decimal(v, slot);
      case ValueKind::kTime:
      case ValueKind::kMicroTime:
        return time(f, v, slot);
      case ValueKind::kTable:
        return child(f, v, slot);
      case ValueKind::kIntOrString:
        return int_or_string(v, slot);
      default:
        return text(f, v, slot);
    }
  }

  bool number(const FieldInfo& f, int64_t n, Slot* slot) {
    slot->number = n;
    slot->present = n != 0 || f.keep_zero;
    return true;
  }

  // Integers may come as floats without a fraction, as any JSON library may write them.
  bool integer(const json::value& v, bool narrow, int64_t* out) {
    if (v.is_int64()) {
      *out = v.get_int64();
    } else if (v.is_uint64() && v.get_uint64() <= static_cast<uint64_t>(INT64_MAX)) {
      *out = static_cast<int64_t>(v.get_uint64());
    } else if (v.is_uint64()) {
      return wrong(v, "a number that fits");
    } else if (v.is_double() && std::nearbyint(v.get_double()) == v.get_double() &&
               std::fabs(v.get_double()) < 9e18) {
      *out = static_cast<int64_t>(v.get_double());
    } else {
      return wrong(v, "an integer");
    }
    if (narrow && (*out > INT32_MAX || *out < INT32_MIN)) return wrong(v, "an integer of 32 bits");
    return true;
  }

  bool real(const FieldInfo& f, const json::value& v, Slot* slot) {
    if (!v.is_number()) return wrong(v, "a number");
    slot->real = v.to_number<double>();
    if (!std::isfinite(slot->real)) return wrong(v, "a number that fits");
    slot->present = slot->real != 0 || f.keep_zero;
    return true;
  }

  bool decimal(const json::value& v, Slot* slot) {
    if (!v.is_string()) return wrong(v, "a string of digits");
    std::string_view s = v.get_string();
    uint64_t n = 0;
    auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), n);
    if (!s.empty() && (code != std::errc() || end != s.data() + s.size()))
      return wrong(v, "a string of digits");
    slot->number = static_cast<int64_t>(n);
    slot->present = n != 0;
    return true;
  }

  bool time(const FieldInfo& f, const json::value& v, Slot* slot) {
    if (!v.is_string()) return wrong(v, "a time");
    std::string_view s = v.get_string();
    if (s.empty()) return true;
    auto t = f.kind == ValueKind::kTime ? parse_time(s) : parse_micro_time(s);
    if (!t) return wrong(v, "a time such as 2006-01-02T15:04:05Z");
    slot->number = *t;
    slot->present = true;
    return true;
  }

  bool text(const FieldInfo& f, const json::value& v, Slot* slot) {
    // What reads as absent leaves no bytes behind: equal objects are equal buffers.
    bool empty = v.is_string() && v.get_string().empty();
    if (empty && !f.keep_zero && f.kind != ValueKind::kQuantity) return true;
    slot->present = true;
    return scalar_text(f.kind, v, &slot->offset);
  }

  // Writes what a string, quantity, raw JSON, bytes or field set holds.
  bool scalar_text(ValueKind kind, const json::value& v, uoffset_t* out) {
    switch (kind) {
      case ValueKind::kString:
        if (!v.is_string()) return wrong(v, "a string");
        *out = builder_.CreateString(v.get_string().data(), v.get_string().size()).o;
        return true;
      case ValueKind::kQuantity:
        return quantity(v, out);
      case ValueKind::kRawJson: {
        std::string raw = json::serialize(v);
        *out = builder_.CreateString(raw).o;
        return true;
      }
      case ValueKind::kBytes:
        return bytes(v, out);
      case ValueKind::kFieldSet:
        return field_set(v, out);
      default:
        return wrong(v, "another type");
    }
  }

  bool quantity(const json::value& v, uoffset_t* out) {
    std::optional<Quantity> q;
    if (v.is_string()) q = Quantity::parse({v.get_string().data(), v.get_string().size()});
    if (v.is_number()) q = Quantity::parse(plain_number(v));
    if (!q) return wrong(v, "a quantity such as 500m, 1Gi or 2");
    *out = builder_.CreateString(q->str()).o;
    return true;
  }

  // A number as a person would write it, without the exponent that would decide a quantity's
  // family.
  static std::string plain_number(const json::value& v) {
    if (!v.is_double()) return json::serialize(v);
    char text[400];
    double d = v.get_double();
    return {text, std::to_chars(text, text + sizeof text, d, std::chars_format::fixed).ptr};
  }

  bool bytes(const json::value& v, uoffset_t* out) {
    if (!v.is_string()) return wrong(v, "a base64 string");
    auto raw = from_base64({v.get_string().data(), v.get_string().size()});
    if (!raw) return wrong(v, "a base64 string");
    *out = builder_.CreateVector(*raw).o;
    return true;
  }

  bool field_set(const json::value& v, uoffset_t* out) {
    if (auto compact = patch::FieldSet::compact_in(v)) {
      *out = builder_.CreateVector(compact->data(), compact->size()).o;
      return true;
    }
    auto set = patch::FieldSet::from_fields_v1(v);
    if (!set) {
      error_ = Error(Code::kBadRequest, path() + ": " + set.error().message);
      return false;
    }
    Buffer compact;
    set->to_compact(&compact);
    *out = builder_.CreateVector(compact).o;
    return true;
  }

  bool child(const FieldInfo& f, const json::value& v, Slot* slot) {
    if (!v.is_object()) return wrong(v, "an object");
    // A struct that is always shown is the same absent and empty: one form is stored.
    if (!table(*f.type, v.get_object(), &slot->offset, !f.always)) return false;
    slot->present = slot->offset != 0;
    return true;
  }

  bool int_or_string(const json::value& v, Slot* slot) {
    uoffset_t text = 0;
    int64_t n = 0;
    if (v.is_string()) {
      text = builder_.CreateString(v.get_string().data(), v.get_string().size()).o;
    } else if (!v.is_number() || !integer(v, true, &n)) {
      return failed_ || !error_.message.empty() ? false : wrong(v, "an integer or a string");
    }
    uoffset_t start = builder_.StartTable();
    if (text) {
      builder_.AddOffset(6, flatbuffers::Offset<void>(text));
    } else {
      builder_.AddElement<int32_t>(4, static_cast<int32_t>(n));
    }
    slot->offset = builder_.EndTable(start);
    slot->present = true;
    return true;
  }

  bool list(const FieldInfo& f, const json::value& v, Slot* slot) {
    if (!v.is_array()) return wrong(v, "a list");
    const json::array& items = v.get_array();
    slot->present = !items.empty() || f.keep_zero;
    if (!slot->present) return true;
    if (f.kind == ValueKind::kInt32 || f.kind == ValueKind::kInt64)
      return number_list(f, items, slot);
    std::vector<flatbuffers::Offset<void>> offsets;
    offsets.reserve(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      steps_.push_back({{}, i});
      uoffset_t o = 0;
      if (f.kind == ValueKind::kTable) {
        if (!items[i].is_object()) return wrong(items[i], "an object");
        if (!table(*f.type, items[i].get_object(), &o)) return false;
      } else if (!scalar_text(f.kind, items[i], &o)) {
        return false;
      }
      offsets.push_back(flatbuffers::Offset<void>(o));
      steps_.pop_back();
    }
    slot->offset = builder_.CreateVector(offsets).o;
    return true;
  }

  bool number_list(const FieldInfo& f, const json::array& items, Slot* slot) {
    std::vector<int64_t> numbers(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      steps_.push_back({{}, i});
      if (!integer(items[i], f.kind == ValueKind::kInt32, &numbers[i])) return false;
      steps_.pop_back();
    }
    if (f.kind == ValueKind::kInt64) {
      slot->offset = builder_.CreateVector(numbers).o;
    } else {
      slot->offset = builder_.CreateVector(std::vector<int32_t>(numbers.begin(), numbers.end())).o;
    }
    return true;
  }

  bool map(const FieldInfo& f, const json::value& v, Slot* slot) {
    if (!v.is_object()) return wrong(v, "a map");
    const json::object& object = v.get_object();
    slot->present = !object.empty() || f.keep_zero;
    if (!slot->present) return true;
    std::vector<const json::key_value_pair*> sorted;
    sorted.reserve(object.size());
    for (const auto& member : object) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->key() < b->key(); });
    std::vector<flatbuffers::Offset<void>> offsets;
    offsets.reserve(sorted.size());
    for (const auto* member : sorted) {
      steps_.push_back({{member->key().data(), member->key().size()}, 0, true});
      uoffset_t value = 0;
      if (!entry_value(f.kind, member->value(), &value)) return false;
      uoffset_t key = builder_.CreateString(member->key().data(), member->key().size()).o;
      uoffset_t start = builder_.StartTable();
      builder_.AddOffset(kEntryKey, flatbuffers::Offset<void>(key));
      builder_.AddOffset(kEntryValue, flatbuffers::Offset<void>(value));
      offsets.push_back(flatbuffers::Offset<void>(builder_.EndTable(start)));
      steps_.pop_back();
    }
    slot->offset = builder_.CreateVector(offsets).o;
    return true;
  }

  // null in a map reads as the empty value, as Kubernetes decodes it. Every entry has a value.
  bool entry_value(ValueKind kind, const json::value& v, uoffset_t* out) {
    if (!v.is_null()) return scalar_text(kind, v, out);
    static const json::value kEmpty(""), kZero(0);
    return scalar_text(kind, kind == ValueKind::kQuantity ? kZero : kEmpty, out);
  }

  bool type_meta(json::string_view key, const json::value& v) {
    if (key != "apiVersion" && key != "kind") return false;
    std::string expected = key == "kind" ? kind_->kind : kind_->api_version();
    bool same =
        v.is_null() ||
        (v.is_string() && (v.get_string().empty() || std::string_view(v.get_string()) == expected));
    if (!same) {
      error_ = Error(Code::kBadRequest,
                     std::string(key) + ": expected \"" + expected + "\", got " + shown(v));
      failed_ = true;
    }
    return true;
  }

  void unknown(const TypeInfo& type, std::string_view key) {
    if (!problems_) return;
    std::string where = path();
    problems_->push_back(
        {"unknown field \"" + where + (where.empty() ? "" : ".") + std::string(key) + "\"",
         std::string(type.nearest(key))});
  }

  bool wrong(const json::value& got, const char* expected) {
    error_ = Error(Code::kBadRequest, path() + ": expected " + expected + ", got " + shown(got));
    failed_ = true;
    return false;
  }

  static std::string shown(const json::value& v) {
    if (v.is_object()) return "an object";
    if (v.is_array()) return "a list";
    constexpr size_t kMost = 64;
    std::string text = json::serialize(v);
    if (text.size() <= kMost) return text;
    size_t end = kMost;
    while ((text[end] & 0xC0) == 0x80) --end;  // not within a character
    return text.substr(0, end) + "…";
  }

  std::string path() const {
    std::string out;
    for (const Step& s : steps_) {
      if (s.map_key) {
        out += "[" + std::string(s.name) + "]";
      } else if (s.name.empty()) {
        out += "[" + std::to_string(s.index) + "]";
      } else {
        out += (out.empty() ? "" : ".") + std::string(s.name);
      }
    }
    return out;
  }

  static thread_local flatbuffers::FlatBufferBuilder builder_;
  const schema::KindInfo* kind_ = nullptr;
  std::vector<Problem>* problems_;
  std::vector<Slot> slots_;
  std::vector<Step> steps_;
  Error error_;
  bool failed_ = false;
};

thread_local flatbuffers::FlatBufferBuilder Encoder::builder_{4096};

}  // namespace

Result<Buffer> from_value(const schema::KindInfo& kind, const json::value& value,
                          std::vector<Problem>* problems) {
  return Encoder(problems).encode(*kind.type, value, &kind);
}

Result<Buffer> from_value(const TypeInfo& type, const json::value& value,
                          std::vector<Problem>* problems) {
  return Encoder(problems).encode(type, value, nullptr);
}

Result<Buffer> from_json(const schema::KindInfo& kind, std::string_view text,
                         std::vector<Problem>* problems) {
  constexpr size_t kScratch = 16 * 1024;
  static thread_local std::array<unsigned char, kScratch> scratch;
  json::monotonic_resource memory(scratch.data(), scratch.size());
  auto value = parse_json(text, problems, &memory);
  if (!value) return value.error();
  return from_value(kind, *value, problems);
}

}  // namespace kubus::codec
