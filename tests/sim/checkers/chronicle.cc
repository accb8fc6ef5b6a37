#include "tests/sim/checkers/chronicle.h"

#include "schemas/bus/event_generated.h"
#include "schemas/core/v1/event_generated.h"

namespace kubus::sim {
namespace {

constexpr const char* kTypes[] = {"creates", "changes", "deletes", "tells of"};

}  // namespace

std::string_view text_of(const flatbuffers::String* s) {
  return s ? std::string_view(s->c_str(), s->size()) : std::string_view();
}

std::string name_of(const wire::Event& e) {
  const schema::KindInfo* kind =
      schema::Registry::get().by_resource(text_of(e.group()), text_of(e.resource()));
  if (!kind) return std::string(text_of(e.resource())) + "?";
  return ObjectKey{kind, std::string(text_of(e.namespace_())), std::string(text_of(e.name()))}
      .str();
}

Chronicle::Chronicle(Cluster& cluster, Story& story)
    : story_(story),
      client_(cluster.outside("observer").ports(), cluster.client_options("admin")),
      feed_(
          cluster.outside("observer").ports(), client_, bus::LaneId{}, Revision(),
          [this](const kit::EventView& e) { on_event(e); },
          [this] { story_.wrong("feeds", "the observer's past was compacted"); }) {}

void Chronicle::on_event(const kit::EventView& event) {
  Revision expected = events_.empty() ? Revision(1) : events_.back().revision().next();
  if (event.revision() != expected) {
    story_.wrong("revisions", "event " + std::to_string(event.revision().value()) + " follows " +
                                  std::to_string(expected.value() - 1));
  }
  const schema::KindInfo* kind =
      schema::Registry::get().by_resource(text_of(event->group()), text_of(event->resource()));
  if (!kind) return story_.wrong("events", "an event of no known kind: " + name_of(event.event()));
  ObjectKey key{kind, std::string(text_of(event->namespace_())),
                std::string(text_of(event->name()))};
  auto found = state_.find(key);
  Object before = found == state_.end() ? Object() : found->second;
  if (event->type() == wire::EventType::Added && before)
    story_.wrong("events", key.str() + " is created though it is there");
  if (event->type() != wire::EventType::Added && !before && !kind->confidential)
    story_.wrong("events", key.str() + " is changed though it is not there");
  events_.push_back(event);
  if (event->type() == wire::EventType::Deleted) {
    state_.erase(key);
  } else if (auto object = event.object()) {
    state_[key] = *object;
  }
  if (story_.heard()) tell(event, before);
  for (const Listener& l : listeners_) l(event, before);
}

void Chronicle::tell(const kit::EventView& event, const Object& before) {
  std::string line = std::string(kTypes[static_cast<size_t>(event->type())]) + " " +
                     name_of(event.event()) + " @" + std::to_string(event.revision().value());
  auto object = event.object();
  for (const char* path : {"spec.nodeName", "status.phase"}) {
    std::string now = object ? object->field(path).value_or("") : "";
    std::string old = before ? before.field(path).value_or("") : "";
    if (now != old) line += std::string(" ") + path + "=" + now;
  }
  if (object && object->kind().resource == "events") {
    const auto* e = object->as<core::v1::Event>();
    line += " " + std::string(text_of(e->reason())) + ": " + std::string(text_of(e->message()));
    return story_.tell(text_of(event->actor()), line);
  }
  if (object && object->terminating() && !(before && before.terminating())) line += " terminating";
  if (event->changed() && line.back() != 'g' && event->type() == wire::EventType::Modified) {
    for (const auto* path : *event->changed()) line += " " + path->str();
  }
  story_.tell(text_of(event->actor()), line);
}

std::vector<Object> Chronicle::all(std::string_view resource, std::string_view ns) const {
  std::vector<Object> out;
  for (const auto& [key, object] : state_) {
    if (key.kind->resource == resource && (ns.empty() || key.ns == ns)) out.push_back(object);
  }
  return out;
}

}  // namespace kubus::sim
