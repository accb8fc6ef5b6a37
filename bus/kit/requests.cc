#include "bus/kit/requests.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "bus/subjects.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::kit {
namespace {

constexpr ptrdiff_t kMostCauses = 4;

std::string name_in(const boost::json::value& value) {
  const auto* object = value.if_object();
  const auto* metadata = object ? object->if_contains("metadata") : nullptr;
  const auto* name =
      metadata && metadata->is_object() ? metadata->get_object().if_contains("name") : nullptr;
  return name && name->is_string() ? std::string(name->get_string()) : "";
}

const schema::KindInfo& body_kind(const schema::KindInfo& kind, const std::string& subresource) {
  const auto* sub = kind.subresource(subresource);
  const auto* body =
      sub ? schema::Registry::get().by_kind(sub->group, sub->version, sub->kind) : nullptr;
  return body ? *body : kind;
}

}  // namespace

wire::RequestT request_for(wire::Verb verb, const ObjectKey& key) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = verb;
  op->group = key.kind->group;
  op->resource = key.kind->resource;
  op->namespace_ = key.ns;
  op->name = key.name;
  request.operations.push_back(std::move(op));
  return request;
}

void stamp(const WriteOptions& options, wire::RequestT* request) {
  request->cause = std::make_unique<wire::CauseT>();
  std::vector<uint64_t>& revisions = request->cause->revisions;
  for (Revision r : options.cause.revisions) revisions.push_back(r.value());
  std::sort(revisions.begin(), revisions.end());
  if (std::ssize(revisions) > kMostCauses)
    revisions.erase(revisions.begin(), revisions.end() - kMostCauses);
  request->cause->trigger = static_cast<wire::Trigger>(options.cause.trigger);
  if (options.fence) {
    request->lease = options.fence->lease;
    request->epoch = options.fence->epoch;
  }
}

void set_options(const WriteOptions& options, wire::RequestT* request) {
  stamp(options, request);
  wire::OperationT& op = *request->operations[0];
  op.field_manager = options.field_manager;
  op.subresource = options.subresource;
  op.precondition_uid = options.uid;
  op.precondition_revision = options.revision.value();
  op.return_object = options.return_object;
}

Result<wire::RequestT> create_request(const schema::KindInfo& kind, std::string_view ns,
                                      const boost::json::value& value,
                                      const WriteOptions& options) {
  std::vector<codec::Problem> problems;
  auto bytes = codec::from_value(body_kind(kind, options.subresource), value, &problems);
  if (!bytes) return bytes.error();
  if (!problems.empty()) return Error(Code::kBadRequest, problems[0].message);
  wire::RequestT request =
      request_for(wire::Verb::Create, {&kind, std::string(ns), name_in(value)});
  request.operations[0]->object = *std::move(bytes);
  set_options(options, &request);
  return request;
}

wire::RequestT merge_patch_request(const ObjectKey& key, std::string_view patch,
                                   const WriteOptions& options) {
  wire::RequestT request = request_for(wire::Verb::Patch, key);
  request.operations[0]->patch_type = wire::PatchType::Merge;
  request.operations[0]->patch.assign(patch.begin(), patch.end());
  request.operations[0]->field_validation = wire::FieldValidation::Strict;
  set_options(options, &request);
  return request;
}

wire::RequestT delete_request(const ObjectKey& key, std::optional<int64_t> grace_seconds,
                              const WriteOptions& options) {
  wire::RequestT request = request_for(wire::Verb::Delete, key);
  request.operations[0]->propagation = wire::Propagation::Background;
  if (grace_seconds) request.operations[0]->grace_seconds = *grace_seconds;
  set_options(options, &request);
  return request;
}

wire::RequestT events_after_request(const bus::LaneId& lane, Revision after) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::EventsAfter;
  op->group = lane.group;
  op->resource = lane.resource;
  op->after = after.value();
  op->lane = std::make_unique<wire::LaneT>();
  op->lane->group = lane.group;
  op->lane->resource = lane.resource;
  op->lane->namespace_ = lane.ns;
  op->lane->name = lane.name;
  op->lane->node = lane.node;
  request.operations.push_back(std::move(op));
  return request;
}

}  // namespace kubus::kit
