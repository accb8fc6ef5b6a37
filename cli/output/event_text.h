// One state transition as a line for people, and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "bus/kit/feed.h"

namespace kubus::cli {

// "42  2026-11-23T05:00:00Z  modified  pods/default/web  by scheduler  spec.nodeName,
// status.conditions"
std::string event_line(const kit::EventView& event);
// When it happened, to the microsecond, UTC.
std::string time_text(const kit::EventView& event);
// Revision, time, type, actor, user, cause, kind, namespace, name, changed, object.
boost::json::object event_json(const kit::EventView& event, bool with_object);

// What differs between two objects, one line a field: `  spec.replicas: 2 → 3`. Either may be null.
// managedFields and resourceVersion are left out.
std::string diff_text(const boost::json::value& before, const boost::json::value& after);

}  // namespace kubus::cli
