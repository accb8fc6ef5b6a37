// Reading the past for the verbs that tell of it.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bus/kit/feed.h"
#include "cli/resources.h"
#include "cli/session.h"

namespace kubus::cli {

struct VersionsWanted {
  uint32_t limit = 0;            // the newest so many; 0: all
  Revision after;                // younger than that alone …
  Revision to;                   // … and none younger than this; 0: up to now
  bool with_one_before = false;  // and the one before these, if there is one, as the last
};
// Versions of a name, newest first, through deletions.
Result<std::vector<kit::EventView>> versions_of(Session& session, const ObjectKey& key,
                                                const VersionsWanted& wanted);

struct Walk {
  bool backward = false, forward = false, objects = false;
};
// The events of these revisions, with what led to them and what they led to if asked; oldest first.
// Those that are compacted, or may not be read, are left out. Of long chains what is near comes
// first, and what is too far is left out.
Result<std::vector<kit::EventView>> trace(Session& session, const std::vector<uint64_t>& revisions,
                                          Walk walk);

// The events of these revisions with their objects, however many, by pages.
Result<std::vector<kit::EventView>> with_objects(Session& session,
                                                 const std::vector<uint64_t>& revisions);

// The object that an event carries, as JSON; null for deletions (with `deleted` not) and where it
// carries none.
boost::json::value value_of(const kit::EventView& event, bool deleted = false);
const schema::KindInfo* kind_of(const kit::EventView& event);
std::vector<uint64_t> causes_of(const kit::EventView& event);
// Some of its values were purged: it cannot be had again as it was.
bool is_purged(const kit::EventView& event);

// By revision, a line that says what the causes of these events were, as far as they are kept.
Result<std::map<uint64_t, std::string>> causes_told(Session& session,
                                                    const std::vector<kit::EventView>& events);

// The present object, or null.
Result<boost::json::value> present(Session& session, const ObjectKey& key);

// The one object that the words name. kBadRequest says so of anything else; `verb` is for its
// example.
Result<ObjectKey> one_object(const Invocation& call, const char* verb);
// kBadRequest for kinds whose content does not ride on events.
Status needs_content(const schema::KindInfo& kind);

}  // namespace kubus::cli
