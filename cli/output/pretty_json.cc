#include "cli/output/pretty_json.h"

#include <boost/json.hpp>

namespace kubus::cli {
namespace {

namespace json = boost::json;

void write(const json::value& value, const std::string& indent, std::string* out);

template <class Range, class Each>
void write_members(const Range& range, char open, char close, const std::string& indent,
                   std::string* out, Each&& each) {
  if (range.empty()) {
    *out += open;
    *out += close;
    return;
  }
  *out += open;
  std::string inner = indent + "  ";
  bool first = true;
  for (const auto& member : range) {
    *out += first ? "\n" : ",\n";
    first = false;
    *out += inner;
    each(member, inner);
  }
  *out += "\n" + indent + close;
}

void write(const json::value& value, const std::string& indent, std::string* out) {
  if (value.is_object()) {
    write_members(value.as_object(), '{', '}', indent, out,
                  [&](const auto& member, const std::string& inner) {
                    *out += json::serialize(json::string(member.key())) + ": ";
                    write(member.value(), inner, out);
                  });
  } else if (value.is_array()) {
    write_members(
        value.as_array(), '[', ']', indent, out,
        [&](const json::value& item, const std::string& inner) { write(item, inner, out); });
  } else {
    *out += json::serialize(value);
  }
}

}  // namespace

std::string pretty_json(const json::value& value) {
  std::string out;
  write(value, "", &out);
  return out;
}

}  // namespace kubus::cli
