#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "schemas/lib/validation/validation.h"

namespace kubus::validation {
namespace {

bool lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool digit(char c) {
  return c >= '0' && c <= '9';
}
bool alnum(char c) {
  return lower(c) || digit(c) || (c >= 'A' && c <= 'Z');
}
bool lower_alnum(char c) {
  return lower(c) || digit(c);
}

template <class F>
bool all(std::string_view s, F f) {
  return std::all_of(s.begin(), s.end(), f);
}

bool label(std::string_view s) {
  return !s.empty() && lower_alnum(s.front()) && lower_alnum(s.back()) &&
         all(s, [](char c) { return lower_alnum(c) || c == '-'; });
}

// Letters, digits, '-', '_', '.', beginning and ending with a letter or digit.
bool name_part(std::string_view s) {
  return !s.empty() && alnum(s.front()) && alnum(s.back()) &&
         all(s, [](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string longer_than(size_t most) {
  return "must have at most " + std::to_string(most) + " characters";
}

bool ipv4(std::string_view s) {
  in_addr a;
  return inet_pton(AF_INET, std::string(s).c_str(), &a) == 1;
}
bool ipv6(std::string_view s) {
  in6_addr a;
  return inet_pton(AF_INET6, std::string(s).c_str(), &a) == 1;
}

std::string check_absolute_path(std::string_view s) {
  return !s.empty() && s.front() == '/' ? "" : "must be an absolute path";
}

}  // namespace

std::string check_dns1123_label(std::string_view s) {
  if (s.size() > 63) return longer_than(63);
  if (label(s)) return "";
  return "must consist of lower-case letters, digits and '-', and begin and end with a letter or "
         "digit";
}

std::string check_dns1123_subdomain(std::string_view s) {
  if (s.size() > 253) return longer_than(253);
  std::string_view rest = s;
  bool good = !s.empty();
  while (good) {
    size_t dot = rest.find('.');
    good = label(rest.substr(0, dot));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (good) return "";
  return "must consist of lower-case letters, digits, '-' and '.', each part beginning and ending "
         "with a letter or digit";
}

std::string check_dns1035_label(std::string_view s) {
  if (s.size() > 63) return longer_than(63);
  if (label(s) && lower(s.front())) return "";
  return "must consist of lower-case letters, digits and '-', begin with a letter and end with a "
         "letter or digit";
}

std::string check_qualified_name(std::string_view s) {
  size_t slash = s.find('/');
  std::string_view name = s;
  if (slash != std::string_view::npos) {
    std::string prefix = check_dns1123_subdomain(s.substr(0, slash));
    if (!prefix.empty()) return "the prefix before '/' " + prefix;
    name = s.substr(slash + 1);
  }
  if (name.size() > 63) return "the name " + longer_than(63);
  if (name_part(name)) return "";
  return "must be a name of letters, digits, '-', '_' and '.', beginning and ending with a letter "
         "or digit, optionally "
         "behind a DNS subdomain and '/'";
}

std::string check_label_value(std::string_view s) {
  if (s.size() > 63) return longer_than(63);
  if (s.empty() || name_part(s)) return "";
  return "must be empty or consist of letters, digits, '-', '_' and '.', beginning and ending with "
         "a letter or digit";
}

std::string check_port_name(std::string_view s) {
  if (s.size() > 15) return longer_than(15);
  bool good =
      label(s) && s.find("--") == std::string_view::npos && std::any_of(s.begin(), s.end(), lower);
  return good ? ""
              : "must consist of lower-case letters, digits and single '-' inside, with at least "
                "one letter";
}

std::string check_ip(std::string_view s) {
  return ipv4(s) || ipv6(s) ? "" : "must be an IPv4 or IPv6 address";
}

std::string check_cidr(std::string_view s) {
  size_t slash = s.find('/');
  int bits = -1;
  if (slash != std::string_view::npos) {
    const char* end = s.data() + s.size();
    auto [at, error] = std::from_chars(s.data() + slash + 1, end, bits);
    std::string_view address = s.substr(0, slash);
    bool whole = error == std::errc() && at == end && bits >= 0;
    if (whole && ((ipv4(address) && bits <= 32) || (ipv6(address) && bits <= 128))) return "";
  }
  return "must be a network such as 10.9.0.0/24";
}

std::string check_env_name(std::string_view s) {
  bool good = !s.empty() && all(s, [](char c) { return c >= ' ' && c <= '~' && c != '='; });
  return good ? "" : "must consist of printable ASCII characters other than '='";
}

std::string check_config_key(std::string_view s) {
  if (s.size() > 253) return longer_than(253);
  if (s == "." || s == ".." || s.substr(0, 2) == "..") return "must not be '.' or begin with '..'";
  bool good =
      !s.empty() && all(s, [](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; });
  return good ? "" : "must consist of letters, digits, '-', '_' and '.'";
}

std::string check_format(std::string_view format, std::string_view s) {
  using Check = std::string (*)(std::string_view);
  static constexpr std::array<std::pair<std::string_view, Check>, 11> kChecks = {{
      {"dns1123-label", check_dns1123_label},
      {"dns1123-subdomain", check_dns1123_subdomain},
      {"dns1035-label", check_dns1035_label},
      {"qualified-name", check_qualified_name},
      {"label-value", check_label_value},
      {"port-name", check_port_name},
      {"ip", check_ip},
      {"cidr", check_cidr},
      {"env-name", check_env_name},
      {"config-key", check_config_key},
      {"absolute-path", check_absolute_path},
  }};
  for (const auto& [name, check] : kChecks) {
    if (name == format) return check(s);
  }
  return "";
}

}  // namespace kubus::validation
