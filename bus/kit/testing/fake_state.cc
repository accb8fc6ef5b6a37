#include "bus/kit/testing/fake_state.h"

#include <boost/json/object.hpp>

#include "schemas/lib/base/check.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus::kit::testing {
namespace {

namespace json = boost::json;

constexpr int64_t kNsPerSecond = 1'000'000'000;

Object encode(const schema::KindInfo& kind, const json::value& value) {
  std::vector<codec::Problem> problems;
  auto bytes = codec::from_value(kind, value, &problems);
  if (!bytes) std::fprintf(stderr, "%s\n", bytes.error().message.c_str());
  for (auto& p : problems) std::fprintf(stderr, "%s\n", p.message.c_str());
  KUBUS_CHECK(bytes && problems.empty());
  auto object = Object::from(kind, Payload(*std::move(bytes)));
  KUBUS_CHECK(object);
  return *object;
}

Payload encode(const wire::EventT& event) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::CreateEvent(builder, &event));
  return Payload::copy_of({builder.GetBufferPointer(), builder.GetSize()});
}

json::object& meta_of(json::value& value) {
  json::value& meta = value.as_object()["metadata"];
  if (!meta.is_object()) meta = json::object();
  return meta.as_object();
}

// The lane on which an object rides: a bound Pod's node, a Node's own.
std::string node_of(const Object& object) {
  if (object.kind().kind == "Node") return std::string(object.name());
  if (object.kind().kind == "Pod") return object.field("spec.nodeName").value_or("");
  return "";
}

bus::LaneId resource_lane(const ObjectKey& key) {
  return {key.kind->group, key.kind->resource, "", "", ""};
}
bus::LaneId namespace_lane(const ObjectKey& key) {
  return {key.kind->group, key.kind->resource, key.ns, "", ""};
}
bus::LaneId object_lane(const ObjectKey& key) {
  return {key.kind->group, key.kind->resource, key.ns, key.name, ""};
}
bus::LaneId node_lane(const std::string& node) {
  return {"", "", "", "", node};
}

bool rides(const Published& p, const bus::LaneId& lane) {
  switch (lane.form()) {
    case bus::LaneId::Form::kCluster:
      return true;
    case bus::LaneId::Form::kNode:
      return p.node == lane.node;
    case bus::LaneId::Form::kResource:
      return resource_lane(p.key) == lane;
    case bus::LaneId::Form::kNamespace:
      return namespace_lane(p.key) == lane;
    case bus::LaneId::Form::kObject:
      return object_lane(p.key) == lane;
  }
  return false;
}

}  // namespace

Object FakeState::find(const ObjectKey& key) const {
  auto found = objects_.find(key);
  return found == objects_.end() ? Object() : found->second;
}

std::optional<Published> FakeState::put(const ObjectKey& key, json::value value, int64_t wall_ns,
                                        const std::string& uid, const Origin& origin) {
  Object before = find(key);
  json::object& meta = meta_of(value);
  meta["name"] = key.name;
  if (!key.ns.empty()) meta["namespace"] = key.ns;
  if (before) {
    meta["uid"] = before.uid();
    meta["resourceVersion"] = std::to_string(before.revision().value());
    meta["creationTimestamp"] = codec::format_time(before.meta().creation_timestamp().value_or(0));
    if (codec::to_value(*key.kind, before.bytes()) ==
        codec::to_value(*key.kind, encode(*key.kind, value).bytes())) {
      return std::nullopt;
    }
  } else {
    meta["uid"] = uid;
    meta["creationTimestamp"] = codec::format_time(wall_ns / kNsPerSecond);
  }
  meta["resourceVersion"] = std::to_string(revision().value() + 1);
  Object object = encode(*key.kind, value);
  objects_[key] = object;
  return tell(before ? wire::EventType::Modified : wire::EventType::Added, key, before, object,
              wall_ns, origin);
}

std::optional<Published> FakeState::erase(const ObjectKey& key, int64_t wall_ns,
                                          const Origin& origin) {
  Object before = find(key);
  if (!before) return std::nullopt;
  json::value value = codec::to_value(*key.kind, before.bytes());
  meta_of(value)["resourceVersion"] = std::to_string(revision().value() + 1);
  objects_.erase(key);
  return tell(wire::EventType::Deleted, key, before, encode(*key.kind, value), wall_ns, origin);
}

uint64_t FakeState::ride(const bus::LaneId& lane, Revision revision) {
  moved_.insert(lane);
  return std::exchange(heads_[lane], revision).value();
}

namespace {

Buffer metadata_alone(const Object& object) {
  boost::json::value whole = codec::to_value(object.kind(), object.bytes());
  boost::json::object left{{"metadata", whole.at("metadata")}};
  auto bytes = codec::from_value(object.kind(), left, nullptr);
  KUBUS_CHECK(bytes);
  return *std::move(bytes);
}

}  // namespace

Published FakeState::tell(wire::EventType type, const ObjectKey& key, const Object& before,
                          const Object& object, int64_t wall_ns, const Origin& origin) {
  Published p{.key = key, .revision = revision().next(), .node = node_of(object)};
  wire::EventT e;
  e.type = type;
  e.revision = p.revision.value();
  e.time = wall_ns;
  e.actor = origin.actor;
  e.request_id = origin.request_id;
  if (origin.cause) e.cause = std::make_unique<wire::CauseT>(*origin.cause);
  e.group = key.kind->group;
  e.resource = key.kind->resource;
  e.namespace_ = key.ns;
  e.name = key.name;
  e.uid = object.uid();
  e.subresource = origin.subresource;
  if (key.kind->confidential) {
    e.metadata = metadata_alone(object);
  } else {
    e.object.assign(object.bytes().begin(), object.bytes().end());
  }
  if (before && before.field("spec.nodeName") != object.field("spec.nodeName")) {
    e.before = std::make_unique<wire::BeforeT>();
    auto field = std::make_unique<wire::LabelT>();
    field->key = "spec.nodeName";
    field->value = before.field("spec.nodeName").value_or("");
    e.before->fields.push_back(std::move(field));
  }
  ride({}, p.revision);
  e.previous_resource = ride(resource_lane(key), p.revision);
  if (!key.ns.empty()) e.previous_namespace = ride(namespace_lane(key), p.revision);
  e.previous_object = ride(object_lane(key), p.revision);
  if (!p.node.empty()) e.previous_node = ride(node_lane(p.node), p.revision);
  e.node = p.node;
  p.event = encode(e);
  for (const std::string& node : references_[key]) {
    e.type = wire::EventType::Notice;
    e.object.clear();
    e.node = node;
    e.previous_node = ride(node_lane(node), p.revision);
    p.notices.push_back({node, encode(e)});
  }
  past_.push_back(p);
  return p;
}

std::vector<Payload> FakeState::events_after(const bus::LaneId& lane, Revision after,
                                             size_t most) const {
  std::vector<Payload> out;
  for (size_t i = after.value(); i < past_.size() && out.size() < most; ++i) {
    const Published& p = past_[i];
    if (rides(p, lane)) {
      out.push_back(p.event);
      continue;
    }
    for (const auto& notice : p.notices) {
      if (notice.node == lane.node) out.push_back(notice.event);
    }
  }
  return out;
}

Revision FakeState::head(const bus::LaneId& lane) const {
  auto found = heads_.find(lane);
  return found == heads_.end() ? Revision() : found->second;
}

}  // namespace kubus::kit::testing
