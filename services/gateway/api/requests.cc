#include "services/gateway/api/requests.h"

#include <boost/json.hpp>
#include <charconv>

#include "schemas/bus/envelope_generated.h"
#include "services/gateway/api/body.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kMostSource = 256;

template <class T>
bool parse_number(std::string_view text, T* out) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return code == std::errc() && end == text.data() + text.size();
}

// Who writes, for field ownership: the query, else the first word of the client's User-Agent before
// a slash.
std::string field_manager(const HttpRequest& request) {
  std::string manager = request.query_value("fieldManager");
  if (!manager.empty()) return manager;
  std::string agent = request.header("user-agent");
  agent = agent.substr(0, agent.find('/'));
  return agent.empty() ? "unknown" : agent.substr(0, 128);
}

Status set_validation(const HttpRequest& request, wire::OperationT* op) {
  std::string mode = request.query_value("fieldValidation");
  if (mode == "Strict") {
    op->field_validation = wire::FieldValidation::Strict;
  } else if (mode == "Ignore") {
    op->field_validation = wire::FieldValidation::Ignore;
  } else if (!mode.empty() && mode != "Warn") {
    return Error(Code::kBadRequest,
                 "fieldValidation must be Strict, Warn or Ignore, not \"" + mode + "\"");
  }
  return {};
}

Status set_object(const HttpRequest& request, const ResourcePath& path, wire::OperationT* op) {
  auto body = read_object(request, path);
  if (!body) return body.error();
  op->object = std::move(body->object);
  op->problems = std::move(body->problems);
  // The name of an update stands in the path; a create takes it from the body.
  if (op->name.empty()) op->name = body->name;
  if (!path.name.empty() && path.subresource.empty() && !body->name.empty() &&
      body->name != path.name) {
    return Error(Code::kBadRequest, "the name of the object (" + body->name +
                                        ") does not match the name in the URL (" + path.name + ")");
  }
  return {};
}

Status set_patch(const HttpRequest& request, wire::OperationT* op) {
  std::string type = request.header("content-type");
  type = type.substr(0, type.find(';'));
  if (type == "application/json-patch+json") {
    op->patch_type = wire::PatchType::Json;
  } else if (type == "application/merge-patch+json") {
    op->patch_type = wire::PatchType::Merge;
  } else if (type == "application/strategic-merge-patch+json" || type.empty()) {
    op->patch_type = wire::PatchType::Strategic;
  } else if (type == "application/apply-patch+yaml") {
    op->verb = wire::Verb::Apply;
    op->field_manager = request.query_value("fieldManager");
    if (op->field_manager.empty()) {
      return Error(
          Code::kInvalid,
          "PatchOptions is invalid: fieldManager: Required value: who applies must be named",
          {{"FieldValueRequired", "Required value: who applies must be named", "fieldManager"}});
    }
  } else {
    return Error(Code::kUnsupportedMediaType,
                 "a patch may be application/json-patch+json, application/merge-patch+json, "
                 "application/strategic-merge-patch+json or application/apply-patch+yaml, not \"" +
                     type + "\"");
  }
  auto value = read_value(request);
  if (!value) return value.error();
  std::string text = json::serialize(*value);
  op->patch.assign(text.begin(), text.end());
  op->force = request.query_flag("force");
  return {};
}

Status set_propagation(const std::string& policy, wire::OperationT* op) {
  if (policy == "Background") {
    op->propagation = wire::Propagation::Background;
  } else if (policy == "Foreground") {
    op->propagation = wire::Propagation::Foreground;
  } else if (policy == "Orphan") {
    op->propagation = wire::Propagation::Orphan;
  } else if (!policy.empty()) {
    return Error(
        Code::kBadRequest,
        "propagationPolicy must be Background, Foreground or Orphan, not \"" + policy + "\"");
  }
  return {};
}

Status set_preconditions(const json::object& options, wire::OperationT* op) {
  const json::value* p = options.if_contains("preconditions");
  if (!p || !p->is_object()) return {};
  const json::object& o = p->as_object();
  if (const json::value* uid = o.if_contains("uid"); uid && uid->is_string())
    op->precondition_uid = uid->as_string().c_str();
  const json::value* revision = o.if_contains("resourceVersion");
  if (revision && revision->is_string() &&
      !parse_number(std::string_view(revision->as_string()), &op->precondition_revision)) {
    return Error(Code::kBadRequest, "preconditions.resourceVersion must be a number");
  }
  return {};
}

Status set_delete_options(const HttpRequest& request, wire::RequestT* out, wire::OperationT* op) {
  auto value = read_value(request);
  if (!value) return value.error();
  if (!value->is_null() && !value->is_object())
    return Error(Code::kBadRequest, "DeleteOptions must be an object");
  static const json::object kNone;
  const json::object& o = value->is_object() ? value->as_object() : kNone;
  std::string policy = request.query_value("propagationPolicy");
  if (const json::value* v = o.if_contains("propagationPolicy"); v && v->is_string())
    policy = v->as_string().c_str();
  if (Status s = set_propagation(policy, op); !s) return s;
  int64_t grace = 0;
  if (const json::value* v = o.if_contains("gracePeriodSeconds"); v && v->is_int64())
    op->grace_seconds = v->as_int64();
  if (std::string q = request.query_value("gracePeriodSeconds"); !q.empty()) {
    if (!parse_number(q, &grace))
      return Error(Code::kBadRequest, "gracePeriodSeconds must be a number");
    op->grace_seconds = grace;
  }
  if (const json::value* v = o.if_contains("dryRun"); v && v->is_array() && !v->as_array().empty())
    out->dry_run = true;
  return set_preconditions(o, op);
}

Status set_list(const HttpRequest& request, wire::OperationT* op) {
  op->continue_token = request.query_value("continue");
  if (std::string limit = request.query_value("limit");
      !limit.empty() && !parse_number(limit, &op->limit)) {
    return Error(Code::kBadRequest,
                 "limit must be a number that is not negative, not \"" + limit + "\"");
  }
  auto revision = revision_of(request);
  if (!revision) return revision.error();
  op->revision = revision->value();
  std::string match = request.query_value("resourceVersionMatch");
  if (match == "Exact") {
    op->match = wire::ListMatch::Exact;
  } else if (match == "NotOlderThan") {
    op->match = wire::ListMatch::NotOlderThan;
  } else if (!match.empty()) {
    return Error(Code::kBadRequest,
                 "resourceVersionMatch must be Exact or NotOlderThan, not \"" + match + "\"");
  }
  return {};
}

Status fill(const HttpRequest& request, const ResourcePath& path, const std::string& verb,
            wire::RequestT* out, wire::OperationT* op) {
  op->label_selector = request.query_value("labelSelector");
  op->field_selector = request.query_value("fieldSelector");
  if (verb == "get") {
    op->verb = wire::Verb::Get;
    return {};
  }
  if (verb == "list") {
    op->verb = wire::Verb::List;
    return set_list(request, op);
  }
  op->field_manager = field_manager(request);
  if (Status s = set_validation(request, op); !s) return s;
  std::string dry = request.query_value("dryRun");
  if (!dry.empty() && dry != "All")
    return Error(Code::kBadRequest, "dryRun must be All, not \"" + dry + "\"");
  out->dry_run = dry == "All";
  if (verb == "patch") {
    op->verb = wire::Verb::Patch;
    return set_patch(request, op);
  }
  if (verb == "delete" || verb == "deletecollection") {
    op->verb = verb == "delete" ? wire::Verb::Delete : wire::Verb::DeleteCollection;
    return set_delete_options(request, out, op);
  }
  op->verb = verb == "create" ? wire::Verb::Create : wire::Verb::Update;
  return set_object(request, path, op);
}

}  // namespace

std::string verb_of(const HttpRequest& r, const ResourcePath& path) {
  bool one = !path.name.empty();
  if (r.method == "GET" || r.method == "HEAD") {
    if (r.query_flag("watch")) return "watch";
    return one ? "get" : "list";
  }
  if (r.method == "POST") return !one || !path.subresource.empty() ? "create" : "";
  if (r.method == "PUT") return one ? "update" : "";
  if (r.method == "PATCH") return one ? "patch" : "";
  if (r.method == "DELETE") return one ? "delete" : "deletecollection";
  return "";
}

Result<wire::RequestT> translate(const HttpRequest& request, const ResourcePath& path,
                                 const std::string& verb) {
  wire::RequestT out;
  auto op = std::make_unique<wire::OperationT>();
  op->group = path.kind->group;
  op->resource = path.kind->resource;
  op->namespace_ = path.ns;
  op->name = path.name;
  op->subresource = path.subresource;
  if (Status s = fill(request, path, verb, &out, op.get()); !s) return s.error();
  set_identity(request, &out);
  out.operations.push_back(std::move(op));
  return out;
}

void set_identity(const HttpRequest& request, wire::RequestT* out) {
  out->source = (request.address + " " + request.header("user-agent")).substr(0, kMostSource);
  out->on_behalf_of = std::make_unique<wire::IdentityT>();
  out->on_behalf_of->user = request.peer.user;
  out->on_behalf_of->groups = request.peer.groups;
  out->on_behalf_of->uid = request.peer.uid;
  for (const auto& [key, values] : request.peer.extra) {
    auto extra = std::make_unique<wire::ExtraT>();
    extra->key = key;
    extra->values = values;
    out->on_behalf_of->extra.push_back(std::move(extra));
  }
  out->on_behalf_of->groups.push_back("system:authenticated");
}

Result<Revision> revision_of(const HttpRequest& request) {
  std::string text = request.query_value("resourceVersion");
  uint64_t value = 0;
  if (!text.empty() && !parse_number(text, &value)) {
    return Error(Code::kBadRequest, "resourceVersion must be a number, not \"" + text + "\"");
  }
  return Revision(value);
}

}  // namespace kubus::gateway
