#include <algorithm>
#include <cctype>

#include "services/gateway/http/http.h"

namespace kubus::gateway {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool decode(std::string_view text, bool plus_is_space, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      *out += ' ';
    } else if (text[i] != '%') {
      *out += text[i];
    } else {
      if (i + 2 >= text.size()) return false;
      int high = hex(text[i + 1]), low = hex(text[i + 2]);
      if (high < 0 || low < 0) return false;
      *out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return true;
}

template <class F>
bool split(std::string_view text, char by, F&& part) {
  while (!text.empty()) {
    size_t end = std::min(text.find(by), text.size());
    if (!part(text.substr(0, end))) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

}  // namespace

bool parse_target(std::string_view target, HttpRequest* out) {
  size_t question = std::min(target.find('?'), target.size());
  bool good = split(target.substr(0, question), '/', [&](std::string_view raw) {
    if (raw.empty()) return true;
    std::string segment;
    if (!decode(raw, false, &segment)) return false;
    out->path += '/';
    out->path += segment;
    out->segments.push_back(std::move(segment));
    return true;
  });
  if (out->path.empty()) out->path.push_back('/');
  if (!good || question == target.size()) return good;
  return split(target.substr(question + 1), '&', [&](std::string_view pair) {
    size_t equals = std::min(pair.find('='), pair.size());
    std::string name, value;
    if (!decode(pair.substr(0, equals), true, &name)) return false;
    if (equals < pair.size() && !decode(pair.substr(equals + 1), true, &value)) return false;
    out->query.emplace(std::move(name), std::move(value));
    return true;
  });
}

std::string HttpRequest::query_value(std::string_view name) const {
  auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

std::string HttpRequest::header(std::string_view name) const {
  auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

bool HttpRequest::query_flag(std::string_view name) const {
  auto found = query.find(name);
  if (found == query.end()) return false;
  std::string v = found->second;
  std::transform(v.begin(), v.end(), v.begin(), [](unsigned char c) { return std::tolower(c); });
  return v != "0" && v != "false";
}

}  // namespace kubus::gateway
