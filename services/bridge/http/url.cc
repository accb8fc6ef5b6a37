#include <algorithm>

#include "services/bridge/http/http_client.h"

namespace kubus::bridge {
namespace {

bool all_digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What would end the request line, or a header, early.
bool printable(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

// "host", "host:port", "[v6]", "[v6]:port".
bool split_authority(std::string_view authority, Url* url) {
  size_t end = authority.starts_with('[') ? authority.find(']') : authority.find(':');
  if (authority.starts_with('[')) {
    if (end == authority.npos) return false;
    url->host = authority.substr(1, end - 1);
    ++end;
  } else {
    url->host = authority.substr(0, end);
    end = std::min(end, authority.size());
  }
  std::string_view rest = authority.substr(end);
  if (rest.empty()) return !url->host.empty();
  if (rest.front() != ':' || !all_digits(rest.substr(1)) || rest.size() > 6) return false;
  url->port = rest.substr(1);
  return !url->host.empty();
}

}  // namespace

Result<Url> parse_url(const std::string& text) {
  auto bad = [&](const std::string& why) {
    return Error(Code::kBadRequest, "\"" + text + "\" " + why);
  };
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return bad("begins with neither http:// nor https://");
  }
  if (!printable(rest)) return bad("holds what a URL may not");
  if (rest.find('#') != rest.npos) return bad("has a fragment, which no server would see");
  size_t slash = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, slash);
  if (authority.find('@') != authority.npos)
    return bad("names a user; give a header or a tokenFile instead");
  url.port = url.tls ? "443" : "80";
  if (!split_authority(authority, &url)) return bad("names no host and port");
  url.target = slash == rest.npos ? "/" : std::string(rest.substr(slash));
  if (url.target.front() == '?') url.target.insert(0, "/");
  return url;
}

}  // namespace kubus::bridge
