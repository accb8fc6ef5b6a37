#include "services/store/state/event_builder.h"

#include "schemas/bus/event_generated.h"

namespace kubus::store {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using Text = Offset<flatbuffers::String>;

constexpr size_t kMaxChanged = 64;

Text text(FlatBufferBuilder& b, std::string_view s) {
  return s.empty() ? Text() : b.CreateString(s.data(), s.size());
}

Offset<flatbuffers::Vector<uint8_t>> nested(FlatBufferBuilder& b, ByteView bytes) {
  if (bytes.empty()) return {};
  b.ForceVectorAlignment(bytes.size(), 1, 8);
  return b.CreateVector(bytes.data(), bytes.size());
}

Offset<wire::Cause> cause(FlatBufferBuilder& b, const Origin& origin) {
  if (origin.cause_revisions.empty() && origin.trigger == 0) return {};
  auto revisions = origin.cause_revisions.empty() ? Offset<flatbuffers::Vector<uint64_t>>()
                                                  : b.CreateVector(origin.cause_revisions);
  return wire::CreateCause(b, revisions, static_cast<wire::Trigger>(origin.trigger));
}

Offset<flatbuffers::Vector<Text>> changed(FlatBufferBuilder& b,
                                          std::span<const std::string> paths) {
  if (paths.empty()) return {};
  std::vector<Text> texts;
  texts.reserve(std::min(paths.size(), kMaxChanged + 1));
  for (const std::string& path : paths.first(std::min(paths.size(), kMaxChanged)))
    texts.push_back(b.CreateString(path));
  if (paths.size() > kMaxChanged) texts.push_back(b.CreateString("…"));
  return b.CreateVector(texts);
}

Offset<flatbuffers::Vector<Offset<wire::Label>>> labels(
    FlatBufferBuilder& b, const std::vector<BeforeChange::Field>& fields) {
  std::vector<Offset<wire::Label>> out;
  out.reserve(fields.size());
  for (const auto& f : fields)
    out.push_back(wire::CreateLabel(b, b.CreateString(f.key), b.CreateString(f.value)));
  return b.CreateVector(out);
}

Offset<wire::Before> before(FlatBufferBuilder& b, const BeforeChange* old) {
  if (old == nullptr) return {};
  auto old_labels = labels(b, old->labels);
  auto fields = labels(b, old->fields);
  return wire::CreateBefore(b, old->labels_changed, old_labels, fields);
}

}  // namespace

ByteView build_event(FlatBufferBuilder* builder, const Change& c, const Origin& origin,
                     const EventLinks& links) {
  FlatBufferBuilder& b = *builder;
  b.Clear();
  auto object = c.kind->confidential ? nested(b, {}) : nested(b, c.object);
  auto metadata = nested(b, c.kind->confidential ? c.metadata : ByteView());
  auto actor = text(b, origin.actor), user = text(b, origin.user),
       request_id = text(b, origin.request_id);
  auto why = cause(b, origin);
  auto group = b.CreateString(c.kind->group), resource = b.CreateString(c.kind->resource);
  auto ns = b.CreateString(c.ns.data(), c.ns.size()),
       name = b.CreateString(c.name.data(), c.name.size());
  auto uid = text(b, c.uid);
  auto paths = changed(b, c.changed);
  auto old = before(b, c.before);
  auto source = text(b, origin.source);
  auto node = text(b, c.node), subresource = text(b, c.subresource), manager = text(b, c.manager);
  wire::EventBuilder e(b);
  e.add_type(static_cast<wire::EventType>(c.type));
  e.add_revision(links.revision);
  e.add_time(links.time_ns);
  e.add_actor(actor);
  e.add_user(user);
  e.add_request_id(request_id);
  e.add_cause(why);
  e.add_group(group);
  e.add_resource(resource);
  e.add_namespace_(ns);
  e.add_name(name);
  e.add_uid(uid);
  e.add_object(object);
  e.add_metadata(metadata);
  e.add_changed(paths);
  e.add_before(old);
  e.add_previous_resource(links.resource);
  e.add_previous_namespace(links.ns);
  e.add_previous_object(links.object);
  e.add_previous_node(links.node);
  e.add_node(node);
  e.add_subresource(subresource);
  e.add_manager(manager);
  e.add_source(source);
  b.Finish(e.Finish());
  return {b.GetBufferPointer(), b.GetSize()};
}

Buffer without_object(ByteView event) {
  wire::EventT whole;
  flatbuffers::GetRoot<wire::Event>(event.data())->UnPackTo(&whole);
  whole.object.clear();
  FlatBufferBuilder b(512);
  b.Finish(wire::Event::Pack(b, &whole));
  return Buffer(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
}

void strip_objects(std::vector<Payload>* events) {
  for (Payload& event : *events) event = Payload(without_object(event.view()));
}

Buffer build_notice(ByteView event, std::string_view node, uint64_t previous_node) {
  const auto* of = flatbuffers::GetRoot<wire::Event>(event.data());
  FlatBufferBuilder b(256);
  auto copy = [&](const flatbuffers::String* s) { return b.CreateString(s->data(), s->size()); };
  auto group = copy(of->group()), resource = copy(of->resource());
  auto ns = copy(of->namespace_()), name = copy(of->name());
  auto to = b.CreateString(node.data(), node.size());
  wire::EventBuilder e(b);
  e.add_type(wire::EventType::Notice);
  e.add_revision(of->revision());
  e.add_time(of->time());
  e.add_group(group);
  e.add_resource(resource);
  e.add_namespace_(ns);
  e.add_name(name);
  e.add_previous_node(previous_node);
  e.add_node(to);
  b.Finish(e.Finish());
  return Buffer(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
}

}  // namespace kubus::store
