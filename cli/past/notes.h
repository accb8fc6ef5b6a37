// What an object says of itself at a change, in words: why a container ended, what an Event tells.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "bus/kit/feed.h"

namespace kubus::cli {

// Pods: the state of each container with exit code, reason and message, and why it is not placed.
// Events: reason and message. Deployments: conditions that are not as they should be. Else nothing.
std::vector<std::string> notes_of(const kit::EventView& event);

// As notes_of, of an object as JSON.
std::vector<std::string> notes_of(std::string_view resource, const boost::json::value& object);

}  // namespace kubus::cli
