#include "bus/kit/event_filter.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"

namespace kubus::kit {
namespace {

std::string_view text(const flatbuffers::String* s) {
  return s ? std::string_view(s->data(), s->size()) : "";
}

bool holds(const std::vector<std::string>& list, std::string_view value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

// `inner` is `outer` or lies in it: "spec" holds "spec.replicas" and "spec[…]".
bool within(std::string_view inner, std::string_view outer) {
  if (!inner.starts_with(outer)) return false;
  return inner.size() == outer.size() || inner[outer.size()] == '.' || inner[outer.size()] == '[';
}

// The last of too many paths says that there are more.
bool is_more(std::string_view path) {
  return path == "…";
}

template <class F>
bool any_changed(const wire::Event& e, F&& f) {
  if (e.type() != wire::EventType::Modified || !e.changed()) return false;
  for (const auto* path : *e.changed()) {
    if (is_more(text(path)) || f(text(path))) return true;
  }
  return false;
}

bool is(EventFilter::Only only, const wire::Event& e) {
  switch (only) {
    case EventFilter::Only::kCreated:
      return e.type() == wire::EventType::Added;
    case EventFilter::Only::kDeleted:
      return e.type() == wire::EventType::Deleted;
    case EventFilter::Only::kStatus:
      return any_changed(e, [](std::string_view p) { return within(p, "status"); });
    case EventFilter::Only::kSpec:
      return any_changed(
          e, [](std::string_view p) { return !within(p, "status") && !within(p, "metadata"); });
  }
  return false;
}

std::optional<Object> labelled(const EventView& event) {
  if (auto object = event.object()) return object;
  const auto* kind =
      schema::Registry::get().by_resource(text(event->group()), text(event->resource()));
  const auto* meta = event->metadata();
  if (kind == nullptr || meta == nullptr) return std::nullopt;
  return Object::from(*kind, event.payload().part({meta->data(), meta->size()}));
}

bool labels_match(const selectors::LabelSelector& selector, const EventView& event) {
  if (selector.everything()) return true;
  auto object = labelled(event);
  if (object && selector.matches([&](std::string_view key) { return object->label(key); }))
    return true;
  const wire::Before* before = event->before();
  if (before == nullptr || !before->labels_changed()) return false;
  return selector.matches([&](std::string_view key) -> std::optional<std::string_view> {
    if (!before->labels()) return std::nullopt;
    for (const wire::Label* label : *before->labels()) {
      if (text(label->key()) == key) return text(label->value());
    }
    return std::nullopt;
  });
}

bool kind_matches(const std::vector<const schema::KindInfo*>& kinds, const wire::Event& e) {
  if (kinds.empty()) return true;
  return std::any_of(kinds.begin(), kinds.end(), [&](const schema::KindInfo* k) {
    return k->resource == text(e.resource()) && k->group == text(e.group());
  });
}

}  // namespace

bool EventFilter::matches(const EventView& event) const {
  const wire::Event& e = event.event();
  if (!kind_matches(kinds, e) || !holds(namespaces, text(e.namespace_())) ||
      !holds(names, text(e.name())) || !holds(nodes, text(e.node())))
    return false;
  if (!holds(actors, text(e.actor())) && (text(e.user()).empty() || !holds(actors, text(e.user()))))
    return false;
  if (!only.empty() && std::none_of(only.begin(), only.end(), [&](Only o) { return is(o, e); }))
    return false;
  auto touches = [&](std::string_view p) {
    return std::any_of(changed.begin(), changed.end(), [&](const std::string& wanted) {
      return within(p, wanted) || within(wanted, p);
    });
  };
  if (!changed.empty() && !any_changed(e, touches)) return false;
  return labels_match(labels, event);
}

bus::LaneId EventFilter::lane() const {
  bus::LaneId lane;
  if (kinds.size() != 1) return lane;
  const schema::KindInfo& kind = *kinds.front();
  lane.group = kind.group;
  lane.resource = kind.resource;
  if (kind.namespaced && namespaces.size() != 1) return lane;
  if (kind.namespaced) lane.ns = namespaces.front();
  if (names.size() == 1) lane.name = names.front();
  return lane;
}

Result<EventFilter::Only> parse_only(std::string_view word) {
  if (word == "created") return EventFilter::Only::kCreated;
  if (word == "deleted") return EventFilter::Only::kDeleted;
  if (word == "spec") return EventFilter::Only::kSpec;
  if (word == "status") return EventFilter::Only::kStatus;
  return Error(Code::kBadRequest,
               "\"" + std::string(word) + "\" is none of created, deleted, spec, status");
}

}  // namespace kubus::kit
