#include "services/gateway/api/openapi.h"

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <set>

#include "schemas/lib/schema/registry.h"
#include "services/gateway/api/answers.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;
using schema::FieldInfo;
using schema::KindInfo;
using schema::TypeInfo;
using schema::ValueKind;

std::string prefix_of(const KindInfo& kind) {
  return kind.group.empty() ? "api/" + kind.version : "apis/" + kind.group + "/" + kind.version;
}

// "kubus.core.v1.PodSpec" is shown as "core.v1.PodSpec".
std::string shown_name(const TypeInfo& type) {
  size_t dot = type.full_name.find('.');
  return dot == std::string::npos ? type.full_name : type.full_name.substr(dot + 1);
}

json::object reference(const TypeInfo& type) {
  return {{"$ref", "#/components/schemas/" + shown_name(type)}};
}

json::object scalar(const char* type, const char* format) {
  json::object o{{"type", type}};
  if (*format) o["format"] = format;
  return o;
}

json::object value_schema(const FieldInfo& field) {
  switch (field.kind) {
    case ValueKind::kBool:
      return scalar("boolean", "");
    case ValueKind::kInt32:
      return scalar("integer", "int32");
    case ValueKind::kInt64:
      return scalar("integer", "int64");
    case ValueKind::kDouble:
      return scalar("number", "double");
    case ValueKind::kString:
    case ValueKind::kDecimal:
      return scalar("string", "");
    case ValueKind::kTime:
    case ValueKind::kMicroTime:
      return scalar("string", "date-time");
    case ValueKind::kBytes:
      return scalar("string", "byte");
    case ValueKind::kQuantity:
      return {{"oneOf",
               json::array{json::object{{"type", "string"}}, json::object{{"type", "number"}}}}};
    case ValueKind::kIntOrString:
      return {{"oneOf",
               json::array{json::object{{"type", "integer"}}, json::object{{"type", "string"}}}},
              {"format", "int-or-string"}};
    case ValueKind::kRawJson:
    case ValueKind::kFieldSet:
      return scalar("object", "");
    case ValueKind::kTable:
      return reference(*field.type);
  }
  return {};
}

void add_list_extensions(const FieldInfo& field, json::object* o) {
  if (!field.is_list) {
    if (field.map_atomic) (*o)["x-kubernetes-map-type"] = "atomic";
  } else if (field.list_type == schema::ListType::kMap) {
    json::array keys;
    for (const std::string& k : field.list_keys) keys.emplace_back(k);
    (*o)["x-kubernetes-list-map-keys"] = std::move(keys);
    (*o)["x-kubernetes-list-type"] = "map";
  } else {
    (*o)["x-kubernetes-list-type"] = field.list_type == schema::ListType::kSet ? "set" : "atomic";
  }
  if (!field.patch_key.empty()) (*o)["x-kubernetes-patch-merge-key"] = field.patch_key;
  std::string strategy = field.patch_merge ? "merge" : "";
  if (field.patch_retain_keys) strategy += strategy.empty() ? "retainKeys" : ",retainKeys";
  if (!strategy.empty()) (*o)["x-kubernetes-patch-strategy"] = strategy;
}

json::object field_schema(const FieldInfo& field) {
  json::object o = value_schema(field);
  bool wrap = o.contains("$ref") && !field.is_list && !field.is_map;
  if (field.is_list) {
    o = {{"type", "array"}, {"items", std::move(o)}};
  } else if (field.is_map) {
    o = {{"type", "object"}, {"additionalProperties", std::move(o)}};
  } else if (wrap) {
    o = {{"allOf", json::array{std::move(o)}}};
  }
  if (!field.doc.empty()) o["description"] = field.doc;
  if (!field.default_value.is_null()) o["default"] = field.default_value;
  if (!field.enums.empty()) {
    json::array values;
    for (const std::string& v : field.enums) values.emplace_back(v);
    o["enum"] = std::move(values);
  }
  add_list_extensions(field, &o);
  return o;
}

json::object type_meta_properties() {
  return {
      {"apiVersion", json::object{{"type", "string"},
                                  {"description", "The group and version of this object's kind."}}},
      {"kind", json::object{{"type", "string"}, {"description", "What this object is."}}}};
}

json::object gvk(const KindInfo& kind) {
  return {{"group", kind.group}, {"version", kind.version}, {"kind", kind.kind}};
}

// Adds a type and everything that it refers to.
void add_type(const TypeInfo& type, const KindInfo* root, json::object* schemas) {
  std::string name = shown_name(type);
  if (schemas->contains(name)) return;
  (*schemas)[name] = nullptr;  // cycles end here
  json::object properties = root ? type_meta_properties() : json::object();
  json::array required;
  for (const FieldInfo& field : type.fields) {
    properties[field.name] = field_schema(field);
    if (field.listed_required) required.emplace_back(field.name);
    if (field.type) add_type(*field.type, nullptr, schemas);
  }
  json::object o{{"type", "object"}, {"properties", std::move(properties)}};
  if (!type.doc.empty()) o["description"] = type.doc;
  if (!required.empty()) o["required"] = std::move(required);
  if (root) o["x-kubernetes-group-version-kind"] = json::array{gvk(*root)};
  (*schemas)[name] = std::move(o);
}

json::object query_parameter(const char* name, const char* type) {
  return {{"name", name}, {"in", "query"}, {"schema", {{"type", type}, {"uniqueItems", true}}}};
}

json::object operation(const KindInfo& kind, const char* action, bool write) {
  json::object o{{"x-kubernetes-action", action}, {"x-kubernetes-group-version-kind", gvk(kind)}};
  json::object body{{"schema", reference(*kind.type)}};
  o["responses"] = {{"200", {{"description", "OK"}, {"content", {{"application/json", body}}}}}};
  if (write) {
    o["parameters"] = json::array{
        query_parameter("dryRun", "string"), query_parameter("fieldManager", "string"),
        query_parameter("fieldValidation", "string"), query_parameter("force", "boolean")};
    o["requestBody"] = {{"content", {{"application/json", body}}}};
  }
  return o;
}

void add_paths(const KindInfo& kind, json::object* paths) {
  std::string base =
      "/" + prefix_of(kind) + (kind.namespaced ? "/namespaces/{namespace}/" : "/") + kind.resource;
  (*paths)[base] = json::object{{"get", operation(kind, "list", false)},
                                {"post", operation(kind, "post", true)}};
  (*paths)[base + "/{name}"] = json::object{{"get", operation(kind, "get", false)},
                                            {"put", operation(kind, "put", true)},
                                            {"patch", operation(kind, "patch", true)},
                                            {"delete", operation(kind, "delete", false)}};
}

std::map<std::string, std::string> make_documents() {
  std::map<std::string, json::object> schemas, paths;
  for (const auto& kind : schema::Registry::get().kinds()) {
    std::string prefix = prefix_of(*kind);
    if (!kind->stored) continue;
    add_type(*kind->type, kind.get(), &schemas[prefix]);
    add_paths(*kind, &paths[prefix]);
  }
  std::map<std::string, std::string> out;
  for (auto& [prefix, p] : paths) {
    out[prefix] =
        json::serialize(json::object{{"openapi", "3.0.0"},
                                     {"info", {{"title", "Kubus"}, {"version", "v1.35.0"}}},
                                     {"paths", std::move(p)},
                                     {"components", {{"schemas", std::move(schemas[prefix])}}}});
  }
  return out;
}

const std::map<std::string, std::string>& documents() {
  static const std::map<std::string, std::string> all = make_documents();
  return all;
}

std::string index_document() {
  json::object paths;
  for (const auto& [prefix, body] : documents()) {
    std::string hash = std::to_string(std::hash<std::string>()(body));
    paths[prefix] = json::object{{"serverRelativeURL", "/openapi/v3/" + prefix + "?hash=" + hash}};
  }
  return json::serialize(json::object{{"paths", std::move(paths)}});
}

}  // namespace

bool answer_openapi(Exchange& exchange) {
  const HttpRequest& r = exchange.request();
  constexpr std::string_view kBase = "/openapi/v3";
  if (r.path == kBase) {
    answer_cacheable(exchange, "application/json", index_document());
    return true;
  }
  if (r.path.rfind(std::string(kBase) + "/", 0) != 0) return false;
  auto found = documents().find(r.path.substr(kBase.size() + 1));
  if (found == documents().end()) return false;
  answer_cacheable(exchange, "application/json", found->second);
  return true;
}

}  // namespace kubus::gateway
