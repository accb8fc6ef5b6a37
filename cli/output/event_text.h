// One state transition as a line for people, and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "bus/kit/feed.h"

namespace kubus::cli {

// "42  2026-11-23T05:00:00Z  modified  pods/default/web  by scheduler  spec.nodeName,
// status.conditions"
std::string event_line(const kit::EventView& event, bool with_cause = true);
// "modified deployments.apps/default/web by admin for kubus-admin  spec.replicas"
std::string short_line(const kit::EventView& event);
// "pods/default/web", and who changed it: "admin for kubus-admin".
std::string target_of(const kit::EventView& event);
std::string actor_of(const kit::EventView& event);
// "the runtime", "a timer", …: what set it off; "" : an event or a user, as usual.
std::string trigger_of(const kit::EventView& event);
// When it happened, to the microsecond, UTC.
std::string time_text(const kit::EventView& event);
// Revision, time, type, actor, user, cause, kind, namespace, name, changed, object.
boost::json::object event_json(const kit::EventView& event, bool with_object);

}  // namespace kubus::cli
