// JSON with two-space indentation, members in their order.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace kubus::cli {

std::string pretty_json(const boost::json::value& value);

}  // namespace kubus::cli
