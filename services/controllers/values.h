// Reading of JSON values that the codec made, where a field may be absent.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kubus::controllers {

// What is absent, or of another type, reads as empty.
const boost::json::object& object_in(const boost::json::object& o, std::string_view key);
boost::json::array array_in(const boost::json::object& o, std::string_view key);
std::string_view text_in(const boost::json::object& o, std::string_view key);
std::optional<int64_t> int_in(const boost::json::object& o, std::string_view key);
bool flag_in(const boost::json::object& o, std::string_view key);
// RFC 3339.
std::string time_text(int64_t unix_seconds);
std::optional<int64_t> parse_time_text(std::string_view text);

}  // namespace kubus::controllers
