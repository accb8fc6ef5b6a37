// What the schemas say about every API type, read once from the embedded reflection data (.bfbs)
// and then immutable. Everything generic — codec, validation, defaulting, patches, ownership,
// tables, OpenAPI — is driven by it.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schemas/lib/base/ids.h"

namespace kubus::schema {

namespace json = boost::json;

// How a field's value (or a list's element, or a map's value) looks in JSON and in the FlatBuffer.
enum class ValueKind : uint8_t {
  kBool,         // bool
  kInt32,        // number
  kInt64,        // number
  kDouble,       // number
  kString,       // string
  kQuantity,     // string or number in JSON; string in the FlatBuffer, canonical
  kTime,         // RFC 3339, seconds; int64 unix seconds in the FlatBuffer
  kMicroTime,    // RFC 3339, microseconds; int64 unix microseconds
  kIntOrString,  // table meta.v1.IntOrString
  kBytes,        // base64; [ubyte]
  kRawJson,      // any JSON; string holding JSON text
  kDecimal,      // string of digits in JSON (resourceVersion); ulong
  kFieldSet,     // fieldsV1 JSON; [ubyte] in FieldSet's compact form
  kTable,        // object; FieldInfo::type
};

enum class ListType : uint8_t { kAtomic, kSet, kMap };

struct TypeInfo;

struct FieldInfo {
  std::string name;     // JSON name: "podIP"
  std::string fb_name;  // schema name: "pod_ip"
  ValueKind kind = ValueKind::kString;
  bool is_list = false;
  bool is_map =
      false;  // JSON object of string → kind; FlatBuffer vector of {key, value}, sorted by key
  const TypeInfo* type = nullptr;   // kTable
  const TypeInfo* entry = nullptr;  // is_map: the entry table (field 0 key, field 1 value)
  uint16_t id = 0;                  // FlatBuffers field id
  uint16_t voffset = 0;             // 4 + 2 * id

  // Must be present and, for strings and lists, non-empty: a write without it is refused.
  bool required = false;
  // The published API (OpenAPI) lists it as required; an empty value may still pass.
  bool listed_required = false;
  bool always =
      false;  // shown in JSON even when empty: a struct that is no pointer there ("resources": {})
  bool keep_zero = false;     // a zero or "" survives (pointer fields); else it reads as absent
  bool immutable = false;     // once set by create it stays
  json::value default_value;  // null: none
  std::vector<std::string> enums;  // allowed values; empty: any
  std::string format;  // "dns1123-label", "qualified-name", "ip", "port-name", … ; empty: any
  std::optional<double> minimum, maximum;
  std::optional<uint32_t> max_length;
  bool patch_merge = false;  // strategic: merge lists by patch_key (lists of scalars: as a set)
  bool patch_retain_keys = false;
  std::string patch_key;
  ListType list_type = ListType::kAtomic;
  std::vector<std::string> list_keys;  // JSON names
  bool map_atomic = false;             // apply owns the map or struct as a whole
  uint32_t proto_number = 0;
  uint32_t proto_inside =
      0;  // in protobuf it lies in the embedded message of this number; 0: in the message itself
  std::string proto_type;  // as in generated.proto without "repeated": "int32", "ObjectMeta",
                           // "map<string, string>"
  std::string doc;
};

struct TypeInfo {
  std::string name;       // "PodSpec"
  std::string full_name;  // "kubus.core.v1.PodSpec"
  std::string doc;
  std::vector<FieldInfo> fields;  // by id
  bool needs_checks =
      false;  // some field here or below has a rule: lets validation skip whole subtrees

  // nullptr if there is no such field.
  const FieldInfo* find(std::string_view json_name) const;
  // The declared field name nearest to a misspelt one, or "".
  std::string_view nearest(std::string_view json_name) const;

  std::unordered_map<std::string_view, uint16_t> by_name;  // index into fields
  // Of each field what says whether it is there, close together: most fields of most tables are
  // not.
  struct Place {
    uint16_t voffset = 0;
    bool always = false;
  };
  std::vector<Place> places;
};

struct Column {
  std::string name;
  std::string type = "string";
  std::string format;
  int priority = 0;
  std::string
      path;  // JSON path for plain columns (".spec.type"); empty: computed in schemas/lib/table
};

// One served kind.
struct KindInfo {
  std::string group;     // "" = core
  std::string version;   // "v1"
  std::string kind;      // "Pod"
  std::string resource;  // "pods"
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<std::string> verbs;
  struct Subresource {
    std::string name;                  // "scale"
    std::string group, version, kind;  // of its body: autoscaling/v1 Scale
    std::vector<std::string> verbs;
  };
  std::vector<Subresource> subresources;
  bool namespaced = true;
  bool confidential = false;  // content never rides on an event
  bool stored = true;         // false: a body of a subresource only (Scale, Binding, Eviction)
  bool has_status = false;    // has the subresource status
  std::vector<std::string>
      selectable;  // field-selector paths besides metadata.name and metadata.namespace
  std::vector<Column> columns;
  const TypeInfo* type = nullptr;
  uint16_t number = 0;  // stable: part of the store's keys; given in the schema

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  // "pods" or "deployments.apps", as error messages say it.
  std::string qualified_resource() const {
    return group.empty() ? resource : resource + "." + group;
  }
  const Subresource* subresource(std::string_view name) const;
};

class Registry {
 public:
  // All schemas built into this program. Thread-safe; built at first use (about a millisecond).
  static const Registry& get();

  const KindInfo* by_resource(std::string_view group, std::string_view resource) const;
  const KindInfo* by_kind(std::string_view group, std::string_view version,
                          std::string_view kind) const;
  // apiVersion "apps/v1" and kind "Deployment".
  const KindInfo* by_api_version(std::string_view api_version, std::string_view kind) const;
  const KindInfo* by_number(uint16_t number) const;
  // What a user may type: plural, singular, short name, kind in any case, optionally ".group"
  // behind.
  const KindInfo* by_user_word(std::string_view word) const;
  const std::vector<std::unique_ptr<KindInfo>>& kinds() const { return kinds_; }
  // By full name ("kubus.meta.v1.ObjectMeta"); nullptr if unknown.
  const TypeInfo* type(std::string_view full_name) const;

 private:
  friend class RegistryBuilder;
  std::vector<std::unique_ptr<KindInfo>> kinds_;
  std::unordered_map<std::string, std::unique_ptr<TypeInfo>> types_;
};

}  // namespace kubus::schema
