// Reading the past for the verbs that tell of it.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <vector>

#include "bus/kit/feed.h"
#include "cli/session.h"

namespace kubus::cli {

// Versions of a name, newest first, through deletions. `limit` 0: all that are kept.
Result<std::vector<kit::EventView>> versions_of(Session& session, const ObjectKey& key,
                                                uint32_t limit);

struct Walk {
  bool backward = false, forward = false, objects = false;
};
// The events of these revisions, with what led to them and what they led to if asked; oldest first.
// Those that are compacted, or may not be read, are left out.
Result<std::vector<kit::EventView>> trace(Session& session, const std::vector<uint64_t>& revisions,
                                          Walk walk);

// The object that an event carries, as JSON; null for deletions (with `deleted` not) and where it
// carries none.
boost::json::value value_of(const kit::EventView& event, bool deleted = false);
const schema::KindInfo* kind_of(const kit::EventView& event);
std::vector<uint64_t> causes_of(const kit::EventView& event);

// The present object, or null.
Result<boost::json::value> present(Session& session, const ObjectKey& key);

}  // namespace kubus::cli
