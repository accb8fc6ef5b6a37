#include "services/controllers/values.h"

#include "schemas/lib/codec/scalars.h"

namespace kubus::controllers {

namespace json = boost::json;

const json::object& object_in(const json::object& o, std::string_view key) {
  static const json::object kEmpty;
  const json::value* v = o.if_contains(key);
  return v && v->is_object() ? v->get_object() : kEmpty;
}

json::array array_in(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v && v->is_array() ? v->get_array() : json::array();
}

std::string_view text_in(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v && v->is_string() ? std::string_view(v->get_string()) : std::string_view();
}

std::optional<int64_t> int_in(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  if (!v || !v->is_number()) return std::nullopt;
  boost::system::error_code code;
  auto n = v->to_number<int64_t>(code);
  return code ? std::nullopt : std::optional(n);
}

bool flag_in(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v && v->is_bool() && v->get_bool();
}

std::string time_text(int64_t unix_seconds) {
  return codec::format_time(unix_seconds);
}

std::optional<int64_t> parse_time_text(std::string_view text) {
  return codec::parse_time(text);
}

}  // namespace kubus::controllers
