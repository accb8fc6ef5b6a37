// JSON ⇄ FlatBuffer by reflection, for every kind alike. The working form between the two is
// boost::json::value, which patches, defaulting and ownership change in place; to_value and
// from_value convert it.
//
// Canonical form: fields in schema order, map keys sorted, absent ≠ zero ≠ empty where the schema
// says so, times in UTC, quantities as Kubernetes canonicalises them. apiVersion and kind are no
// fields: they come from the KindInfo.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::patch {
enum class FieldsForm : uint8_t;
}

namespace kubus::codec {

namespace json = boost::json;

// What strict decoding objects to and lenient decoding only warns about. `message` is complete:
// `unknown field "spec.replicass"`, `duplicate field "spec.replicas"`. `hint`: the nearest known
// field, or "".
struct Problem {
  std::string message;
  std::string hint;
  friend bool operator==(const Problem&, const Problem&) = default;
};

// Parses one JSON text. kBadRequest names the byte offset. Duplicate keys go to `problems` (the
// last one wins).
Result<json::value> parse_json(std::string_view text, std::vector<Problem>* problems,
                               json::storage_ptr sp = {});

// Value → FlatBuffer of `kind`. Unknown fields are dropped and told to `problems`. A value of the
// wrong type, an unparsable time, quantity or base64 is kBadRequest naming the path. apiVersion and
// kind, when present, must be the kind's own.
Result<Buffer> from_value(const schema::KindInfo& kind, const json::value& value,
                          std::vector<Problem>* problems);

// parse_json and from_value in one, with scratch memory of its own.
Result<Buffer> from_json(const schema::KindInfo& kind, std::string_view text,
                         std::vector<Problem>* problems);

// Checks that `bytes` are a well-formed FlatBuffer of the kind: offsets, bounds, depth; that text
// is UTF-8, raw JSON is JSON, maps are whole and sorted, and that reading costs no more than the
// buffer is long. Everything that comes from outside passes here before it is read.
bool verify(const schema::KindInfo& kind, ByteView bytes);
bool verify(const schema::TypeInfo& type, ByteView bytes);

// FlatBuffer (verified) → value, without apiVersion and kind. `fields`: how fieldsV1 stands in it.
json::value to_value(const schema::KindInfo& kind, ByteView bytes, json::storage_ptr sp = {},
                     patch::FieldsForm fields = {});
// The same of one field that is a table, as "status"; null: the object has none.
json::value part_to_value(const schema::KindInfo& kind, ByteView bytes, std::string_view field,
                          json::storage_ptr sp = {});

struct JsonOptions {
  bool type_meta = true;       // apiVersion and kind first
  bool managed_fields = true;  // false leaves metadata.managedFields out
};
// FlatBuffer (verified) → JSON text, appended to *out; no intermediate tree.
void to_json(const schema::KindInfo& kind, ByteView bytes, const JsonOptions& options,
             std::string* out);

// A decoded table of any type (Status bodies, options, subresource bodies).
Result<Buffer> from_value(const schema::TypeInfo& type, const json::value& value,
                          std::vector<Problem>* problems);
json::value to_value(const schema::TypeInfo& type, ByteView bytes, json::storage_ptr sp = {});

// The Kubernetes protobuf body ("k8s\0" envelope) of a known kind → value with apiVersion and kind.
// kBadRequest if truncated or of an unknown kind.
Result<json::value> from_protobuf(ByteView body, json::storage_ptr sp = {});

}  // namespace kubus::codec
