#include "cli/output/event_text.h"

#include <boost/json.hpp>

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

std::string target(const wire::Event& e) {
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
  return {{"trigger", wire::EnumNameTrigger(cause.trigger())}, {"revisions", std::move(revisions)}};
}

// "41 42", "41, a probe", "a timer"
std::string cause_text(const kit::EventView& e) {
  std::string out;
  if (!e->cause()) return out;
  if (e->cause()->revisions()) {
    for (uint64_t r : *e->cause()->revisions()) out += (out.empty() ? "" : " ") + std::to_string(r);
  }
  std::string trigger = trigger_of(e);
  return trigger.empty() ? out : out + (out.empty() ? "" : ", ") + trigger;
}

}  // namespace

std::string time_text(const kit::EventView& event) {
  return codec::format_micro_time(event->time() / kNanosPerMicro);
}

std::string trigger_of(const kit::EventView& event) {
  switch (event->cause() ? event->cause()->trigger() : wire::Trigger::Unknown) {
    case wire::Trigger::Timer:
      return "a timer";
    case wire::Trigger::Start:
      return "a start";
    case wire::Trigger::Runtime:
      return "the runtime";
    case wire::Trigger::Probe:
      return "a probe";
    default:
      return "";
  }
}

std::string target_of(const kit::EventView& event) {
  return target(event.event());
}

std::string actor_of(const kit::EventView& event) {
  std::string out(text(event->actor()));
  return text(event->user()).empty() ? out : out + " for " + std::string(text(event->user()));
}

std::string short_line(const kit::EventView& event) {
  std::string out =
      verb_of(event->type()) + std::string(" ") + target_of(event) + " by " + actor_of(event);
  std::string changed = changed_of(event.event());
  return changed.empty() ? out : out + "  " + changed;
}

std::string event_line(const kit::EventView& event, bool with_cause) {
  const wire::Event& e = event.event();
  std::string revision = std::to_string(e.revision());
  std::string out = std::string(revision.size() < 7 ? 7 - revision.size() : 0, ' ') + revision +
                    "  " + time_text(event) + "  ";
  std::string verb = verb_of(e.type());
  verb.resize(10, ' ');
  out += verb + target_of(event) + "  by " + actor_of(event);
  if (std::string changed = changed_of(e); !changed.empty()) out += "  " + changed;
  if (std::string why = with_cause ? cause_text(event) : ""; !why.empty())
    out += "  because of " + why;
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

}  // namespace kubus::cli
