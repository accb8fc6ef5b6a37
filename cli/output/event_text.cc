#include "cli/output/event_text.h"

#include <boost/json.hpp>
#include <set>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr int64_t kNanosPerMicro = 1'000;

std::string_view text(const flatbuffers::String* s) {
  return s ? std::string_view(s->data(), s->size()) : "";
}

const char* verb_of(wire::EventType type) {
  switch (type) {
    case wire::EventType::Added:
      return "added";
    case wire::EventType::Modified:
      return "modified";
    case wire::EventType::Deleted:
      return "deleted";
    case wire::EventType::Notice:
      return "notice";
  }
  return "unknown";
}

const char* trigger_of(wire::Trigger trigger) {
  return wire::EnumNameTrigger(trigger);
}

std::string target_of(const wire::Event& e) {
  std::string out(text(e.resource()));
  if (!text(e.group()).empty()) out += "." + std::string(text(e.group()));
  if (!text(e.namespace_()).empty()) out += "/" + std::string(text(e.namespace_()));
  return out + "/" + std::string(text(e.name()));
}

std::string changed_of(const wire::Event& e) {
  std::string out;
  if (e.type() != wire::EventType::Modified || !e.changed()) return out;
  for (const auto* path : *e.changed()) out += (out.empty() ? "" : ", ") + path->str();
  return out;
}

json::object cause_json(const wire::Cause& cause) {
  json::array revisions;
  if (cause.revisions()) {
    for (uint64_t r : *cause.revisions()) revisions.push_back(r);
  }
  return {{"trigger", trigger_of(cause.trigger())}, {"revisions", std::move(revisions)}};
}

// "41 42", "41, a probe", "a timer"; what set it off goes without saying if it is an event or a
// user.
std::string cause_text(const wire::Event& e) {
  std::string out;
  if (!e.cause()) return out;
  if (e.cause()->revisions()) {
    for (uint64_t r : *e.cause()->revisions()) out += (out.empty() ? "" : " ") + std::to_string(r);
  }
  switch (e.cause()->trigger()) {
    case wire::Trigger::Timer:
      return out + (out.empty() ? "" : ", ") + "a timer";
    case wire::Trigger::Start:
      return out + (out.empty() ? "" : ", ") + "a start";
    case wire::Trigger::Runtime:
      return out + (out.empty() ? "" : ", ") + "the runtime";
    case wire::Trigger::Probe:
      return out + (out.empty() ? "" : ", ") + "a probe";
    default:
      return out;
  }
}

bool left_out(const std::string& path) {
  return path == "metadata.managedFields" || path == "metadata.resourceVersion";
}

void diff(const json::value& before, const json::value& after, const std::string& path,
          std::string* out);

void diff_objects(const json::value& before, const json::value& after, const std::string& path,
                  std::string* out) {
  std::set<std::string> keys;
  for (const json::value* v : {&before, &after}) {
    if (!v->is_object()) continue;
    for (const auto& member : v->as_object()) keys.emplace(member.key());
  }
  static const json::value kNone;
  auto at = [](const json::value& v, const std::string& key) -> const json::value& {
    const json::value* m = v.is_object() ? v.as_object().if_contains(key) : nullptr;
    return m ? *m : kNone;
  };
  for (const std::string& key : keys)
    diff(at(before, key), at(after, key), path.empty() ? key : path + "." + key, out);
}

void diff_lists(const json::value& before, const json::value& after, const std::string& path,
                std::string* out) {
  static const json::value kNone;
  size_t had = before.is_array() ? before.as_array().size() : 0;
  size_t has = after.is_array() ? after.as_array().size() : 0;
  for (size_t i = 0; i < std::max(had, has); ++i) {
    diff(i < had ? before.as_array()[i] : kNone, i < has ? after.as_array()[i] : kNone,
         path + "[" + std::to_string(i) + "]", out);
  }
}

void diff(const json::value& before, const json::value& after, const std::string& path,
          std::string* out) {
  if (before == after || left_out(path)) return;
  bool objects = (before.is_object() || before.is_null()) && (after.is_object() || after.is_null());
  bool lists = (before.is_array() || before.is_null()) && (after.is_array() || after.is_null());
  if (objects) return diff_objects(before, after, path, out);
  if (lists) return diff_lists(before, after, path, out);
  auto shown = [](const json::value& v) {
    return v.is_null() ? std::string("∅") : json::serialize(v);
  };
  *out += "  " + path + ": " + shown(before) + " → " + shown(after) + "\n";
}

}  // namespace

std::string time_text(const kit::EventView& event) {
  return codec::format_micro_time(event->time() / kNanosPerMicro);
}

std::string event_line(const kit::EventView& event) {
  const wire::Event& e = event.event();
  std::string revision = std::to_string(e.revision());
  std::string out = std::string(revision.size() < 7 ? 7 - revision.size() : 0, ' ') + revision +
                    "  " + codec::format_micro_time(e.time() / kNanosPerMicro) + "  ";
  std::string verb = verb_of(e.type());
  verb.resize(10, ' ');
  out += verb + target_of(e) + "  by " + std::string(text(e.actor()));
  if (!text(e.user()).empty()) out += " for " + std::string(text(e.user()));
  if (std::string changed = changed_of(e); !changed.empty()) out += "  " + changed;
  if (std::string why = cause_text(e); !why.empty()) out += "  because of " + why;
  if (e.purged() && e.purged()->size() > 0) out += "  (values were purged)";
  return out;
}

json::object event_json(const kit::EventView& event, bool with_object) {
  const wire::Event& e = event.event();
  json::object o{{"revision", e.revision()},
                 {"time", codec::format_micro_time(e.time() / kNanosPerMicro)},
                 {"type", verb_of(e.type())},
                 {"actor", text(e.actor())},
                 {"group", text(e.group())},
                 {"resource", text(e.resource())},
                 {"namespace", text(e.namespace_())},
                 {"name", text(e.name())},
                 {"uid", text(e.uid())}};
  auto put = [&](const char* key, const flatbuffers::String* value) {
    if (!text(value).empty()) o[key] = text(value);
  };
  put("user", e.user());
  put("source", e.source());
  put("requestId", e.request_id());
  put("subresource", e.subresource());
  put("manager", e.manager());
  put("node", e.node());
  if (e.cause()) o["cause"] = cause_json(*e.cause());
  json::array changed;
  if (e.changed()) {
    for (const auto* path : *e.changed()) changed.emplace_back(path->str());
  }
  o["changed"] = std::move(changed);
  if (e.purged() && e.purged()->size() > 0) {
    json::array purged;
    for (const auto* path : *e.purged()) purged.emplace_back(path->str());
    o["purged"] = std::move(purged);
  }
  if (auto object = with_object ? event.object() : std::nullopt) {
    o["object"] = codec::to_value(object->kind(), object->bytes());
  }
  return o;
}

std::string diff_text(const json::value& before, const json::value& after) {
  std::string out;
  diff_objects(before, after, "", &out);
  return out;
}

}  // namespace kubus::cli
