#include "services/gateway/api/body.h"

#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/yaml.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;

std::string media_type(const HttpRequest& request) {
  std::string type = request.header("content-type");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type;
}

Result<json::value> value_of(const HttpRequest& request, std::vector<codec::Problem>* problems) {
  std::string type = media_type(request);
  if (type == "application/vnd.kubernetes.protobuf")
    return codec::from_protobuf(as_bytes(request.body));
  if (type == "application/yaml" || type == "application/apply-patch+yaml") {
    auto documents = codec::parse_yaml(request.body);
    if (!documents) return documents.error();
    if (documents->size() != 1)
      return Error(Code::kBadRequest, "the body must hold one YAML document");
    *problems = std::move(documents->front().problems);
    return std::move(documents->front().value);
  }
  bool json_like = type.empty() || type == "*/*" || type.rfind("application/json", 0) == 0 ||
                   (type.size() > 5 && type.substr(type.size() - 5) == "+json");
  if (json_like) return codec::parse_json(request.body, problems);
  return Error(Code::kUnsupportedMediaType,
               "bodies may be application/json, application/yaml or "
               "application/vnd.kubernetes.protobuf, not \"" +
                   type + "\"");
}

std::string text(const json::object& o, std::string_view field) {
  const json::value* v = o.if_contains(field);
  return v && v->is_string() ? std::string(v->as_string()) : "";
}

Status check_type(const json::object& body, const schema::KindInfo& kind) {
  std::string api_version = text(body, "apiVersion"), name = text(body, "kind");
  if ((!api_version.empty() && api_version != kind.api_version()) ||
      (!name.empty() && name != kind.kind)) {
    return Error(Code::kBadRequest, name + " in version \"" + api_version +
                                        "\" cannot be handled here: this path takes " + kind.kind +
                                        " in version \"" + kind.api_version() + "\"");
  }
  return {};
}

}  // namespace

const schema::KindInfo* body_kind(const ResourcePath& path) {
  if (path.subresource.empty()) return path.kind;
  const auto* sub = path.kind->subresource(path.subresource);
  if (sub->version.empty()) return path.kind;
  const schema::KindInfo* kind =
      schema::Registry::get().by_kind(sub->group, sub->version, sub->kind);
  return kind ? kind : path.kind;
}

Result<ObjectBody> read_object(const HttpRequest& request, const ResourcePath& path) {
  std::vector<codec::Problem> problems;
  auto value = value_of(request, &problems);
  if (!value) return value.error();
  if (!value->is_object()) return Error(Code::kBadRequest, "the body must be an object");
  ObjectBody out;
  out.kind = body_kind(path);
  if (Status s = check_type(value->as_object(), *out.kind); !s) return s.error();
  auto object = codec::from_value(*out.kind, *value, &problems);
  if (!object) return object.error();
  out.object = *std::move(object);
  for (codec::Problem& p : problems) out.problems.push_back(std::move(p.message));
  if (const json::value* m = value->as_object().if_contains("metadata"); m && m->is_object()) {
    out.name = text(m->as_object(), "name");
  }
  return out;
}

Result<json::value> read_value(const HttpRequest& request) {
  if (request.body.empty()) return json::value();
  std::vector<codec::Problem> problems;
  return value_of(request, &problems);
}

}  // namespace kubus::gateway
