#include "tests/sim/checkers/past.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"

namespace kubus::sim {

ObjectKey Past::key_of(const wire::Event& event) {
  return {schema::Registry::get().by_resource(text_of(event.group()), text_of(event.resource())),
          std::string(text_of(event.namespace_())), std::string(text_of(event.name()))};
}

void Past::catch_up() {
  const auto& events = chronicle_.events();
  for (; done_ < events.size(); ++done_)
    names_[key_of(events[done_].event())].push_back(events[done_].revision().value());
}

const kit::EventView* Past::last(const Revisions& of, Revision at) const {
  auto behind = std::upper_bound(of.begin(), of.end(), at.value());
  if (behind == of.begin()) return nullptr;
  const kit::EventView& found = event(Revision(*std::prev(behind)));
  return found->type() == wire::EventType::Deleted ? nullptr : &found;
}

const kit::EventView* Past::version(const ObjectKey& key, Revision at) {
  catch_up();
  auto found = names_.find(key);
  return found == names_.end() ? nullptr : last(found->second, at);
}

std::vector<std::pair<ObjectKey, const kit::EventView*>> Past::list(const schema::KindInfo& kind,
                                                                    std::string_view ns,
                                                                    Revision at) {
  catch_up();
  std::vector<std::pair<ObjectKey, const kit::EventView*>> out;
  for (auto it = names_.lower_bound({&kind, std::string(ns), ""}); it != names_.end(); ++it) {
    if (it->first.kind != &kind || (!ns.empty() && it->first.ns != ns)) break;
    if (const auto* found = last(it->second, at)) out.emplace_back(it->first, found);
  }
  return out;
}

std::vector<Revision> Past::versions(const ObjectKey& key, Revision at) {
  catch_up();
  std::vector<Revision> out;
  auto found = names_.find(key);
  if (found == names_.end()) return out;
  for (auto r = found->second.rbegin(); r != found->second.rend(); ++r) {
    if (*r <= at.value()) out.emplace_back(*r);
  }
  return out;
}

Revision Past::at_time(int64_t time_ns) const {
  const auto& events = chronicle_.events();
  auto later = std::upper_bound(events.begin(), events.end(), time_ns,
                                [](int64_t t, const kit::EventView& e) { return t < e->time(); });
  return Revision(static_cast<uint64_t>(later - events.begin()));
}

std::string differs(const Object& object, const kit::EventView& event) {
  if (object.revision() != event.revision())
    return "it is that of revision " + std::to_string(object.revision().value()) + ", not of " +
           std::to_string(event.revision().value());
  const auto* told = event->object();
  if (object.kind().confidential || told == nullptr) return "";
  bool same = std::ranges::equal(object.bytes(), ByteView(told->data(), told->size()));
  return same ? "" : "its bytes are not those of the event";
}

}  // namespace kubus::sim
