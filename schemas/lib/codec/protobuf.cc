// Kubernetes' protobuf bodies, walked by the field numbers of the schema.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstring>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::codec {
namespace {

using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

constexpr int kMostDepth = 100;

// One field of a protobuf message.
struct Record {
  uint32_t number = 0;
  int wire = 0;  // 0 varint, 1 eight bytes, 2 bytes, 5 four bytes
  uint64_t varint = 0;
  ByteView bytes;
};

class Scanner {
 public:
  explicit Scanner(ByteView data) : data_(data) {}
  bool done() const { return data_.empty(); }

  bool next(Record* out) {
    uint64_t tag = 0;
    if (!varint(&tag)) return false;
    out->number = static_cast<uint32_t>(tag >> 3);
    out->wire = static_cast<int>(tag & 7);
    switch (out->wire) {
      case 0:
        return varint(&out->varint);
      case 1:
        return take(8, out);
      case 5:
        return take(4, out);
      case 2: {
        uint64_t size = 0;
        return varint(&size) && size <= data_.size() && take(size, out);
      }
      default:
        return false;
    }
  }

  bool varint(uint64_t* out) {
    *out = 0;
    for (int shift = 0; shift < 64 && !data_.empty(); shift += 7) {
      uint8_t byte = data_[0];
      data_ = data_.subspan(1);
      *out |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

 private:
  bool take(size_t n, Record* out) {
    if (n > data_.size()) return false;
    out->bytes = data_.subspan(0, n);
    out->varint = 0;
    if (n <= 8) std::memcpy(&out->varint, out->bytes.data(), n);
    data_ = data_.subspan(n);
    return true;
  }
  ByteView data_;
};

const FieldInfo* field_by_number(const TypeInfo& type, uint32_t number, uint32_t inside) {
  for (const FieldInfo& f : type.fields) {
    if (f.proto_number == number && f.proto_inside == inside) return &f;
  }
  return nullptr;
}

// Whether some fields of the type lie in an embedded message of that number (JSON shows them as the
// type's own).
bool embeds(const TypeInfo& type, uint32_t number) {
  for (const FieldInfo& f : type.fields) {
    if (f.proto_inside == number) return true;
  }
  return false;
}

class Reader {
 public:
  explicit Reader(json::storage_ptr sp) : sp_(std::move(sp)) {}

  bool message(const TypeInfo& type, ByteView data, json::object* out, int depth,
               uint32_t inside = 0) {
    if (depth > kMostDepth) return false;
    Scanner scanner(data);
    Record r;
    while (!scanner.done()) {
      if (!scanner.next(&r)) return false;
      if (inside == 0 && r.wire == 2 && embeds(type, r.number)) {
        if (!message(type, r.bytes, out, depth + 1, r.number)) return false;
        continue;
      }
      const FieldInfo* f = field_by_number(type, r.number, inside);
      if (f && !field(*f, r, out, depth)) return false;
    }
    return utf8_;
  }

 private:
  bool field(const FieldInfo& f, const Record& r, json::object* out, int depth) {
    if (f.is_map) return entry(f, r, out);
    json::value v(sp_);
    if (f.is_list && r.wire == 2 && is_number(f.kind)) return packed(f, r, out);
    if (!value(f, r, &v, depth)) return false;
    if (f.is_list) {
      json::value& list = (*out)[f.name];
      if (!list.is_array()) list.emplace_array();
      list.get_array().push_back(std::move(v));
      return true;
    }
    // Writers set every plain string and struct: what is empty there was never set.
    bool empty = v.is_null() || (v.is_string() && v.get_string().empty() && !f.keep_zero) ||
                 (v.is_object() && v.get_object().empty() && f.always);
    if (!empty) out->insert_or_assign(f.name, std::move(v));
    return true;
  }

  static bool is_number(ValueKind kind) {
    return kind == ValueKind::kBool || kind == ValueKind::kInt32 || kind == ValueKind::kInt64;
  }

  bool packed(const FieldInfo& f, const Record& r, json::object* out) {
    json::value& list = (*out)[f.name];
    if (!list.is_array()) list.emplace_array();
    Scanner scanner(r.bytes);
    uint64_t n = 0;
    while (!scanner.done()) {
      if (!scanner.varint(&n)) return false;
      list.get_array().emplace_back(static_cast<int64_t>(n));
    }
    return true;
  }

  json::value text(ByteView bytes) {
    utf8_ = utf8_ && valid_utf8(as_text(bytes));
    return json::value(json::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
                       sp_);
  }

  bool value(const FieldInfo& f, const Record& r, json::value* out, int depth) {
    switch (f.kind) {
      case ValueKind::kBool:
        *out = r.varint != 0;
        return r.wire == 0;
      case ValueKind::kInt32:
        *out = static_cast<int32_t>(r.varint);
        return r.wire == 0;
      case ValueKind::kInt64:
        *out = static_cast<int64_t>(r.varint);
        return r.wire == 0;
      case ValueKind::kDouble: {
        double d = 0;
        std::memcpy(&d, &r.varint, sizeof d);
        *out = d;
        return r.wire == 1;
      }
      default:
        break;
    }
    if (r.wire != 2) return false;
    switch (f.kind) {
      case ValueKind::kString:
      case ValueKind::kDecimal:
        *out = text(r.bytes);
        return true;
      case ValueKind::kBytes:
        *out = base64(r.bytes);
        return true;
      case ValueKind::kQuantity:
        *out = first_text(r.bytes);
        return true;
      case ValueKind::kTime:
      case ValueKind::kMicroTime:
        return time(f.kind, r.bytes, out);
      case ValueKind::kIntOrString:
        return int_or_string(r.bytes, out);
      case ValueKind::kRawJson:
      case ValueKind::kFieldSet:
        return raw_json(r.bytes, out);
      case ValueKind::kTable: {
        json::object child(sp_);
        if (!message(*f.type, r.bytes, &child, depth + 1)) return false;
        *out = std::move(child);
        return true;
      }
      default:
        return false;
    }
  }

  json::value first_text(ByteView message) {
    Scanner scanner(message);
    Record r;
    while (!scanner.done() && scanner.next(&r)) {
      if (r.number == 1 && r.wire == 2) return text(r.bytes);
    }
    return text({});
  }

  static bool time(ValueKind kind, ByteView message, json::value* out) {
    Scanner scanner(message);
    Record r;
    int64_t seconds = 0, nanos = 0;
    bool any = false;
    while (!scanner.done()) {
      if (!scanner.next(&r)) return false;
      any = true;
      if (r.number == 1) seconds = static_cast<int64_t>(r.varint);
      if (r.number == 2) nanos = static_cast<int32_t>(r.varint);
    }
    // The zero time of year 1 is how an unset time is written.
    constexpr int64_t kZeroTime = -62135596800, kLastTime = 253402300799;  // years 1 to 9999
    if (!any || seconds == kZeroTime) return true;
    if (seconds < kZeroTime || seconds > kLastTime) return false;
    *out = kind == ValueKind::kTime ? format_time(seconds)
                                    : format_micro_time(seconds * 1'000'000 + nanos / 1000);
    return true;
  }

  bool int_or_string(ByteView message, json::value* out) {
    Scanner scanner(message);
    Record r;
    uint64_t type = 0;
    int32_t number = 0;
    json::value string = text({});
    while (!scanner.done()) {
      if (!scanner.next(&r)) return false;
      if (r.number == 1) type = r.varint;
      if (r.number == 2) number = static_cast<int32_t>(r.varint);
      if (r.number == 3) string = text(r.bytes);
    }
    *out = type == 0 ? json::value(number) : std::move(string);
    return true;
  }

  bool raw_json(ByteView message, json::value* out) {
    json::value raw = first_text(message);
    if (raw.get_string().empty()) return true;
    auto parsed = parse_json(raw.get_string(), nullptr, sp_);
    if (!parsed) return false;
    *out = *std::move(parsed);
    return true;
  }

  bool entry(const FieldInfo& f, const Record& r, json::object* out) {
    Scanner scanner(r.bytes);
    Record e;
    json::value key = text({}), v = text({});
    while (!scanner.done()) {
      if (!scanner.next(&e) || e.wire != 2) return false;
      if (e.number == 1) key = text(e.bytes);
      if (e.number != 2) continue;
      if (f.kind == ValueKind::kBytes) {
        v = base64(e.bytes);
      } else {
        v = f.kind == ValueKind::kQuantity ? first_text(e.bytes) : text(e.bytes);
      }
    }
    json::value& map = (*out)[f.name];
    if (!map.is_object()) map.emplace_object();
    map.get_object().insert_or_assign(key.get_string(), std::move(v));
    return true;
  }

  json::storage_ptr sp_;
  bool utf8_ = true;  // all text so far
};

Error malformed(const std::string& why) {
  return Error(Code::kBadRequest, "malformed protobuf body: " + why);
}

struct Envelope {
  std::string api_version, kind;
  ByteView raw;
};

bool read_envelope(ByteView body, Envelope* out) {
  Scanner scanner(body);
  Record r;
  while (!scanner.done()) {
    if (!scanner.next(&r)) return false;
    if (r.number == 2) out->raw = r.bytes;
    if (r.number != 1) continue;
    Scanner meta(r.bytes);
    Record m;
    while (!meta.done()) {
      if (!meta.next(&m)) return false;
      (m.number == 1 ? out->api_version : out->kind) = as_text(m.bytes);
    }
  }
  return true;
}

}  // namespace

Result<json::value> from_protobuf(ByteView body, json::storage_ptr sp) {
  static constexpr uint8_t kMagic[] = {'k', '8', 's', 0};
  if (body.size() < sizeof kMagic || std::memcmp(body.data(), kMagic, sizeof kMagic) != 0) {
    return malformed("it does not begin as one of Kubernetes");
  }
  Envelope envelope;
  if (!read_envelope(body.subspan(sizeof kMagic), &envelope))
    return malformed("its envelope is cut off");
  const schema::KindInfo* kind =
      schema::Registry::get().by_api_version(envelope.api_version, envelope.kind);
  const TypeInfo* type = kind ? kind->type : nullptr;
  if (envelope.kind == "DeleteOptions")
    type = schema::Registry::get().type("kubus.meta.v1.DeleteOptions");
  if (!type) return malformed("there is no kind " + envelope.kind + " in " + envelope.api_version);
  json::object out(sp);
  if (!Reader(sp).message(*type, envelope.raw, &out, 0))
    return malformed("a field of " + envelope.kind + " is cut off or of a wrong type");
  out["apiVersion"] = envelope.api_version;
  out["kind"] = envelope.kind;
  return json::value(std::move(out));
}

}  // namespace kubus::codec
