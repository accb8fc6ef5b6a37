// What was true at any moment of the past: found in the chronicle, and nowhere else.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "tests/sim/checkers/chronicle.h"

namespace kubus::sim {

class Past {
 public:
  explicit Past(const Chronicle& chronicle) : chronicle_(chronicle) {}

  // All below ask for moments up to here.
  Revision known() const { return Revision(chronicle_.events().size()); }
  // The event after which the object stood as it was at `at`; null: there was none.
  const kit::EventView* version(const ObjectKey& key, Revision at);
  // Of all objects of a kind, in a namespace or ("") everywhere, in the order of a LIST.
  std::vector<std::pair<ObjectKey, const kit::EventView*>> list(const schema::KindInfo& kind,
                                                                std::string_view ns, Revision at);
  // The revisions of a name up to `at`, newest first.
  std::vector<Revision> versions(const ObjectKey& key, Revision at);
  // The last that was written at or before that time (unix ns); 0: none.
  Revision at_time(int64_t time_ns) const;
  const kit::EventView& event(Revision revision) const {
    return chronicle_.events()[revision.value() - 1];
  }
  static ObjectKey key_of(const wire::Event& event);

 private:
  using Revisions = std::vector<uint64_t>;
  void catch_up();
  const kit::EventView* last(const Revisions& of, Revision at) const;

  const Chronicle& chronicle_;
  std::map<ObjectKey, Revisions> names_;
  size_t done_ = 0;  // so many events are in names_
};

// Empty: the object is what the event made of it; else in what it differs.
std::string differs(const Object& object, const kit::EventView& event);

}  // namespace kubus::sim
