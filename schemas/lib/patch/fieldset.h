// A set of field paths, as managedFields keeps them: a trie of steps. Stored compactly, shown as
// FieldsV1.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::patch {

namespace json = boost::json;

// How a set stands in a value, as managedFields[].fieldsV1: as FieldsV1, or its compact form in a
// string. The latter costs next to nothing and is for values that are only encoded again, by
// codec::from_value, or read by managers_of.
enum class FieldsForm : uint8_t { kShown, kOpaque };

// One level of the trie. `steps` maps a FieldsV1 step — "f:spec", "k:{\"name\":\"a\"}", "v:\"x\"" —
// to what is below; `member` says that the path up to here is itself owned (the "." of FieldsV1, or
// a leaf).
struct FieldSet {
  std::map<std::string, FieldSet, std::less<>> steps;
  bool member = false;

  bool empty() const { return steps.empty() && !member; }
  friend bool operator==(const FieldSet&, const FieldSet&) = default;

  // Every field that `value` sets, by the list and map types of `type`. apiVersion, kind and the
  // metadata fields that the server writes (name, namespace, uid, resourceVersion, generation,
  // creationTimestamp, managedFields, …) are left out.
  static FieldSet of(const schema::TypeInfo& type, const json::value& value);
  // The fields whose values differ between the two (added or changed in `after`). `before` null: a
  // create; the structs and lists that an empty object shows count as there before, so that only
  // what is below them is new.
  static FieldSet changed(const schema::TypeInfo& type, const json::value& before,
                          const json::value& after);
  // The fields that `before` sets and `after` doesn't. changed() and removed() together are an
  // event's changed paths.
  static FieldSet removed(const schema::TypeInfo& type, const json::value& before,
                          const json::value& after);

  FieldSet united(const FieldSet& other) const;
  FieldSet without(const FieldSet& other) const;
  FieldSet common(const FieldSet& other) const;

  json::value to_fields_v1(json::storage_ptr sp = {}) const;
  static Result<FieldSet> from_fields_v1(const json::value& fields);
  // Compact form: preorder; one byte of step kind, varint length, text. kBadRequest: truncated or
  // too deep.
  void to_compact(Buffer* out) const;
  static Result<FieldSet> from_compact(ByteView bytes);
  // FieldsForm::kOpaque and back. What is malformed becomes the empty set; nullopt: no such string.
  static json::string opaque(ByteView compact, json::storage_ptr sp);
  static std::optional<ByteView> compact_in(const json::value& fields);
  // Dotted paths for people: "spec.replicas", `spec.containers[name=web].image`; a path stands for
  // all below it. At most `most`.
  std::vector<std::string> paths(size_t most) const;
};

// The step of a list's element under its keys ("k:{…}"); "" if it has none of them. Keys that an
// element leaves out and the schema defaults count as the default.
std::string element_step(const schema::FieldInfo& list, const json::value& element);

}  // namespace kubus::patch
