#include "bus/cloudevents/cloudevents.h"

#include <boost/json.hpp>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cloudevents {
namespace {

namespace json = boost::json;

constexpr int64_t kNanosPerMicro = 1'000;
constexpr size_t kSequenceDigits = 20;  // of the largest revision
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

std::string_view text(const flatbuffers::String* s) {
  return s ? std::string_view(s->data(), s->size()) : "";
}

std::string_view word_of(wire::EventType type) {
  switch (type) {
    case wire::EventType::Added:
      return "added";
    case wire::EventType::Modified:
      return "modified";
    case wire::EventType::Deleted:
      return "deleted";
    case wire::EventType::Notice:
      return "noticed";
  }
  return "unknown";
}

std::string_view word_of(wire::Trigger trigger) {
  switch (trigger) {
    case wire::Trigger::Unknown:
      return "unknown";
    case wire::Trigger::Event:
      return "event";
    case wire::Trigger::Timer:
      return "timer";
    case wire::Trigger::Start:
      return "start";
    case wire::Trigger::Runtime:
      return "runtime";
    case wire::Trigger::Probe:
      return "probe";
    case wire::Trigger::User:
      return "user";
  }
  return "unknown";
}

std::string qualified_resource(const wire::Event& e) {
  std::string out(text(e.resource()));
  if (!text(e.group()).empty()) out.append(".").append(text(e.group()));
  return out;
}

// "pods/default/web", "nodes/node-1".
std::string target_of(const wire::Event& e) {
  std::string out = qualified_resource(e);
  if (!text(e.namespace_()).empty()) out.append("/").append(text(e.namespace_()));
  return out.append("/").append(text(e.name()));
}

// One event rides on several lanes, as the same event; a notice is told each node apart.
std::string id_of(const wire::Event& e) {
  std::string id = std::to_string(e.revision());
  return e.type() == wire::EventType::Notice ? id + "/" + std::string(text(e.node())) : id;
}

std::string sequence_of(uint64_t revision) {
  std::string digits = std::to_string(revision);
  return std::string(kSequenceDigits - digits.size(), '0') + digits;
}

void put(json::object* o, std::string_view key, const flatbuffers::String* s) {
  if (!text(s).empty()) (*o)[key] = text(s);
}

json::object cause_of(const wire::Cause& cause) {
  json::array revisions;
  if (cause.revisions()) {
    for (uint64_t r : *cause.revisions()) revisions.push_back(r);
  }
  return {{"trigger", word_of(cause.trigger())}, {"revisions", std::move(revisions)}};
}

json::array texts_of(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>& list) {
  json::array out;
  for (const auto* s : list) out.push_back(json::value(text(s)));
  return out;
}

json::object pairs_of(const flatbuffers::Vector<flatbuffers::Offset<wire::Label>>& list) {
  json::object out;
  for (const wire::Label* label : list) out[text(label->key())] = text(label->value());
  return out;
}

json::object before_of(const wire::Before& before) {
  json::object out;
  if (before.labels_changed())
    out["labels"] = before.labels() ? pairs_of(*before.labels()) : json::object();
  if (before.fields() && before.fields()->size() > 0) out["fields"] = pairs_of(*before.fields());
  return out;
}

// Revisions before this one; of the cluster it is always one less.
json::object previous_of(const wire::Event& e) {
  json::object out{{"object", e.previous_object()}, {"resource", e.previous_resource()}};
  if (!text(e.namespace_()).empty()) out["namespace"] = e.previous_namespace();
  return out;
}

json::object data_of(const wire::Event& e) {
  json::object o{{"revision", e.revision()},
                 {"type", word_of(e.type())},
                 {"group", text(e.group())},
                 {"resource", text(e.resource())}};
  put(&o, "namespace", e.namespace_());
  o["name"] = text(e.name());
  put(&o, "uid", e.uid());
  put(&o, "node", e.node());
  put(&o, "actor", e.actor());
  put(&o, "user", e.user());
  put(&o, "source", e.source());
  put(&o, "manager", e.manager());
  put(&o, "requestId", e.request_id());
  put(&o, "subresource", e.subresource());
  if (e.cause()) o["cause"] = cause_of(*e.cause());
  if (e.changed() && e.changed()->size() > 0) o["changed"] = texts_of(*e.changed());
  if (e.before()) o["before"] = before_of(*e.before());
  if (e.type() != wire::EventType::Notice) o["previous"] = previous_of(e);
  if (e.purged() && e.purged()->size() > 0) o["purged"] = texts_of(*e.purged());
  return o;
}

const schema::KindInfo* kind_of(const wire::Event& e) {
  return schema::Registry::get().by_resource(text(e.group()), text(e.resource()));
}

// Of a confidential kind nothing but its metadata passes, whatever the event holds.
std::string metadata_text(const schema::KindInfo& kind, const Object& object) {
  json::value whole = codec::to_value(kind, object.bytes());
  json::object shown{{"apiVersion", kind.api_version()}, {"kind", kind.kind}};
  if (json::value* meta = whole.as_object().if_contains("metadata")) {
    json::value* annotations = meta->as_object().if_contains("annotations");
    if (annotations && annotations->is_object()) annotations->as_object().erase(kLastApplied);
    shown["metadata"] = std::move(*meta);
  }
  return json::serialize(shown);
}

// The object as JSON text; "" if the event carries none that can be read.
std::string object_text(const kit::EventView& event) {
  const wire::Event& e = event.event();
  const schema::KindInfo* kind = kind_of(e);
  if (kind == nullptr) return "";
  const auto* nested = kind->confidential ? e.metadata() : e.object();
  if (nested == nullptr || nested->size() == 0) return "";
  auto object = Object::from(*kind, event.payload().part({nested->data(), nested->size()}));
  if (!object) return "";
  if (kind->confidential) return metadata_text(*kind, *object);
  std::string out;
  codec::to_json(*kind, object->bytes(), {.managed_fields = false}, &out);
  return out;
}

struct Identity {
  std::string id;
  std::string_view source;
  std::string type, subject;
  int64_t time_ns;
  uint64_t sequence;
};

json::object envelope(const Identity& i) {
  return {{"specversion", "1.0"},
          {"id", i.id},
          {"source", i.source},
          {"type", i.type},
          {"subject", i.subject},
          {"time", codec::format_micro_time(i.time_ns / kNanosPerMicro)},
          {"datacontenttype", "application/json"},
          {"sequence", sequence_of(i.sequence)},
          {"partitionkey", i.subject}};
}

}  // namespace

std::string source_of(std::string_view cluster) {
  return "/kubus/" + std::string(cluster);
}

std::string type_of(const wire::Event& event) {
  return "io.kubus." + qualified_resource(event) + "." + std::string(word_of(event.type()));
}

std::string encode(const kit::EventView& event, std::string_view source, Content content) {
  const wire::Event& e = event.event();
  json::object whole =
      envelope({id_of(e), source, type_of(e), target_of(e), e.time(), e.revision()});
  json::object o = data_of(e);
  bool with_object = content == Content::kWhole;
  if (!with_object) o["objectOmitted"] = true;
  std::string data = json::serialize(o);
  if (std::string object = with_object ? object_text(event) : ""; !object.empty()) {
    data.pop_back();
    data.append(",\"object\":").append(object).append("}");
  }
  std::string out = json::serialize(whole);
  out.pop_back();
  return out.append(",\"data\":").append(data).append("}");
}

std::string encode(const Loss& loss, std::string_view source) {
  uint64_t after = loss.after.value(), until = loss.until.value();
  json::object whole =
      envelope({"lost-" + std::to_string(after) + "-" + std::to_string(until), source,
                "io.kubus.bridge.lost", loss.follower, loss.time_ns, until});
  whole["data"] = {{"after", after}, {"until", until}, {"reason", loss.reason}};
  return json::serialize(whole);
}

std::string batch(const std::vector<std::string>& events) {
  std::string out = "[";
  for (const std::string& event : events) {
    if (out.size() > 1) out += ",\n";
    out += event;
  }
  return out += "]";
}

}  // namespace kubus::cloudevents
