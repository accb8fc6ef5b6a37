// Which events somebody wants: what `kubus events` and the bridge share. Pure.
#pragma once

#include <string>
#include <vector>

#include "bus/kit/feed.h"
#include "schemas/lib/selectors/selectors.h"

namespace kubus::kit {

// Every list that is not empty must hold the event's value; an empty one holds all.
struct EventFilter {
  // kSpec: a modification of something outside metadata and status.
  enum class Only : uint8_t { kCreated, kDeleted, kSpec, kStatus };

  std::vector<const schema::KindInfo*> kinds;
  std::vector<std::string> namespaces;
  std::vector<std::string> names;
  std::vector<std::string> nodes;   // the node of a Pod, the Node itself
  std::vector<std::string> actors;  // or the user for whom a gateway spoke
  // "spec.replicas": a modification of that path, of something in it, or of something that holds
  // it.
  std::vector<std::string> changed;
  std::vector<Only> only;
  // Of the object as it is or as it was before, so that leaving a selection is seen too.
  selectors::LabelSelector labels;

  bool matches(const EventView& event) const;
  // The narrowest lane that holds every event that matches.
  bus::LaneId lane() const;
};

// "created", "deleted", "spec", "status". kBadRequest names the words there are.
Result<EventFilter::Only> parse_only(std::string_view word);

}  // namespace kubus::kit
