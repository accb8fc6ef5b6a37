#include "cli/conditions.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <charconv>
#include <vector>

#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;
using Test = std::function<bool(const Object&)>;

constexpr std::string_view kCondition = "condition=", kPath = "jsonpath=";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

Error misuse(const std::string& text) {
  return {Code::kBadRequest,
          "--for takes condition=NAME[=VALUE], jsonpath=PATH[=VALUE], delete or "
          "create, not \"" +
              text + "\""};
}

std::string text_of(const json::value& v) {
  return v.is_string() ? std::string(v.as_string()) : json::serialize(v);
}

const json::value* member(const json::value* v, std::string_view name) {
  return v && v->is_object() ? v->as_object().if_contains(name) : nullptr;
}

Test condition_test(const std::string& type, const std::string& status) {
  return [type = lower(type), status = lower(status)](const Object& object) {
    if (!object) return false;
    json::value whole = codec::to_value(object.kind(), object.bytes());
    const json::value* list = member(member(&whole, "status"), "conditions");
    if (!list || !list->is_array()) return false;
    return std::any_of(list->as_array().begin(), list->as_array().end(), [&](const json::value& c) {
      const json::value *t = member(&c, "type"), *s = member(&c, "status");
      return t && s && lower(text_of(*t)) == type && lower(text_of(*s)) == status;
    });
  };
}

// ".status.conditions[0].type", ".metadata.labels['a.b/c']" in its steps; empty: it is no path.
std::vector<std::string> steps_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    if (path[0] == '[') {
      size_t end = path.find(']');
      if (end == std::string_view::npos) return {};
      std::string_view inner = path.substr(1, end - 1);
      bool quoted = inner.size() > 2 && (inner[0] == '\'' || inner[0] == '"');
      out.emplace_back(quoted ? inner.substr(1, inner.size() - 2) : inner);
      path.remove_prefix(end + 1);
    } else if (path[0] == '.') {
      path.remove_prefix(1);
      size_t end = std::min(path.find_first_of(".["), path.size());
      if (end == 0) return {};
      out.emplace_back(path.substr(0, end));
      path.remove_prefix(end);
    } else {
      return {};
    }
  }
  return out;
}

const json::value* at(const json::value& whole, const std::vector<std::string>& steps) {
  const json::value* v = &whole;
  for (const std::string& step : steps) {
    if (!v || !v->is_array()) {
      v = member(v, step);
      continue;
    }
    size_t i = 0;
    auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), i);
    bool whole_number = error == std::errc() && end == step.data() + step.size();
    v = whole_number && i < v->as_array().size() ? &v->as_array()[i] : nullptr;
  }
  return v;
}

Result<Test> path_test(std::string text, const std::string& original) {
  std::string value;
  bool any = true;
  size_t close = !text.empty() && text[0] == '{' ? text.find('}') : std::string::npos;
  size_t equals = text.find('=', close == std::string::npos ? 0 : close);
  if (equals != std::string::npos) {
    any = false;
    value = text.substr(equals + 1);
    text.resize(equals);
  }
  if (close != std::string::npos) text = text.substr(1, close - 1);
  std::vector<std::string> steps = steps_of(text);
  if (steps.empty()) return misuse(original);
  return Test([steps, value, any](const Object& object) {
    if (!object) return false;
    json::value whole = codec::to_value(object.kind(), object.bytes());
    const json::value* v = at(whole, steps);
    return v && (any || text_of(*v) == value);
  });
}

}  // namespace

Result<Test> parse_condition(const std::string& text) {
  if (text == "delete") return Test([](const Object& o) { return !o; });
  if (text == "create") return Test([](const Object& o) { return bool(o); });
  if (text.starts_with(kPath)) return path_test(text.substr(kPath.size()), text);
  if (!text.starts_with(kCondition)) return misuse(text);
  std::string type = text.substr(kCondition.size()), status = "true";
  size_t equals = type.find('=');
  if (equals != std::string::npos) {
    status = type.substr(equals + 1);
    type.resize(equals);
  }
  if (type.empty() || status.empty()) return misuse(text);
  return condition_test(type, status);
}

}  // namespace kubus::cli
