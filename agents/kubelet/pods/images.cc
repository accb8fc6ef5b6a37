#include "agents/kubelet/pods/images.h"

#include <fnmatch.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "agents/kubelet/pods/sources.h"
#include "schemas/core/v1/config_generated.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::kubelet {
namespace {

namespace json = boost::json;

constexpr const char* kDockerHub = "docker.io";
constexpr size_t kMostTag = 128, kMostRepository = 255, kLeastDigest = 32;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_path_part(const std::string& part) {
  if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back()))
    return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-';
  });
}

bool is_tag(const std::string& tag) {
  auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  return !tag.empty() && tag.size() <= kMostTag && word(tag[0]) &&
         std::all_of(tag.begin(), tag.end(),
                     [&](char c) { return word(c) || c == '.' || c == '-'; });
}

bool is_digest(const std::string& digest) {
  size_t colon = digest.find(':');
  if (colon == std::string::npos || colon == 0 || digest.size() - colon - 1 < kLeastDigest)
    return false;
  return std::all_of(digest.begin() + static_cast<long>(colon) + 1, digest.end(),
                     [](char c) { return std::isxdigit(static_cast<unsigned char>(c)); });
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> out{""};
  for (char c : text) {
    if (c == by) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

Error invalid(const std::string& name, const std::string& why) {
  return Error(Code::kInvalid, "the image name \"" + name + "\" " + why);
}

// ---- pull secrets ----

// "https://host:port/path/v1/" → host:port/path
std::string plain_key(std::string key) {
  for (const char* scheme : {"https://", "http://"}) {
    if (key.rfind(scheme, 0) == 0) key.erase(0, std::string(scheme).size());
  }
  while (!key.empty() && key.back() == '/') key.pop_back();
  for (const char* end : {"/v1", "/v2"}) {
    if (key.size() > 3 && key.compare(key.size() - 3, 3, end) == 0) key.resize(key.size() - 3);
  }
  return key;
}

bool host_matches(const std::string& pattern, const std::string& host) {
  auto a = split(pattern, ':'), b = split(host, ':');
  if (a.size() != b.size() || (a.size() > 1 && a[1] != b[1])) return false;
  auto x = split(a[0], '.'), y = split(b[0], '.');
  if (x.size() != y.size()) return false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (::fnmatch(x[i].c_str(), y[i].c_str(), 0) != 0) return false;
  }
  return true;
}

bool matches(const std::string& key, const ImageName& image) {
  size_t slash = key.find('/');
  std::string host = key.substr(0, slash);
  std::string path = slash == std::string::npos ? "" : key.substr(slash + 1);
  if (host == "index.docker.io" || host == "registry-1.docker.io") host = kDockerHub;
  if (!host_matches(host, image.registry)) return false;
  return path.empty() || image.repository == path || image.repository.rfind(path + "/", 0) == 0;
}

std::string text(const json::object& from, std::string_view name) {
  const json::value* v = from.if_contains(name);
  return v && v->is_string() ? std::string(v->as_string()) : "";
}

Credentials read_entry(const json::object& entry) {
  Credentials out;
  out.user = text(entry, "username");
  out.password = text(entry, "password");
  out.identity_token = text(entry, "identitytoken");
  out.registry_token = text(entry, "registrytoken");
  auto both = codec::from_base64(text(entry, "auth"));
  if (!out.user.empty() || !both) return out;
  std::string pair(both->begin(), both->end());
  size_t colon = pair.find(':');
  if (colon == std::string::npos) return out;
  out.user = pair.substr(0, colon);
  out.password = pair.substr(colon + 1);
  while (!out.password.empty() && out.password.back() == '\0') out.password.pop_back();
  return out;
}

json::object entries_of(const Object& secret) {
  auto contents = contents_of(secret);
  bool whole = contents.count(".dockerconfigjson") > 0;
  auto at = contents.find(whole ? ".dockerconfigjson" : ".dockercfg");
  if (at == contents.end()) return {};
  boost::system::error_code code;
  json::value v = json::parse(at->second, code);
  if (code || !v.is_object()) return {};
  if (!whole) return std::move(v.as_object());
  const json::value* auths = v.as_object().if_contains("auths");
  return auths && auths->is_object() ? auths->as_object() : json::object();
}

bool says(const std::string& words, std::initializer_list<const char*> any) {
  std::string lower = words;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::any_of(any.begin(), any.end(),
                     [&](const char* w) { return lower.find(w) != std::string::npos; });
}

}  // namespace

Result<ImageName> parse_image(const std::string& name) {
  ImageName out;
  std::string rest = name;
  if (size_t at = rest.find('@'); at != std::string::npos) {
    out.digest = rest.substr(at + 1);
    rest.resize(at);
    if (!is_digest(out.digest)) return invalid(name, "has a malformed digest");
  }
  size_t slash = rest.find('/');
  std::string first = rest.substr(0, slash);
  bool host = slash != std::string::npos &&
              (first == "localhost" || first.find_first_of(".:") != std::string::npos);
  out.registry = host ? first : kDockerHub;
  if (host) rest.erase(0, slash + 1);
  if (size_t colon = rest.rfind(':'); colon != std::string::npos) {
    out.tag = rest.substr(colon + 1);
    rest.resize(colon);
    if (!is_tag(out.tag)) return invalid(name, "has a malformed tag");
  }
  for (const std::string& part : split(rest, '/')) {
    if (!is_path_part(part))
      return invalid(name,
                     "is malformed: names are lower case letters, digits and . _ - between "
                     "slashes, then :TAG or @DIGEST");
  }
  if (rest.size() > kMostRepository) return invalid(name, "is too long");
  out.repository = host || rest.find('/') != std::string::npos ? rest : "library/" + rest;
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  return out;
}

std::vector<Credentials> credentials_for(const ImageName& image,
                                         const std::vector<Object>& secrets) {
  std::vector<std::pair<std::string, Credentials>> found;
  for (const Object& secret : secrets) {
    for (const auto& [key, entry] : entries_of(secret)) {
      std::string plain = plain_key(key);
      if (!entry.is_object() || !matches(plain, image)) continue;
      found.emplace_back(plain, read_entry(entry.as_object()));
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  std::vector<Credentials> out;
  for (auto& [key, credentials] : found) out.push_back(std::move(credentials));
  return out;
}

std::string pull_failure(const std::string& image, const std::string& words, size_t tried,
                         const std::vector<std::string>& absent) {
  std::string out = "image \"" + image + "\" cannot be pulled: " + words;
  if (says(words, {"401", "403", "unauthorized", "authorization", "insufficient_scope", "denied",
                   "no basic auth"})) {
    out += tried == 0 ? "; the registry wants credentials: name a Secret of type "
                        "kubernetes.io/dockerconfigjson in imagePullSecrets"
                      : "; the registry refuses the credentials of the pull secrets";
  } else if (says(words, {"not found"})) {
    out += "; check its name and tag";
  } else if (says(words, {"dial tcp", "refused", "no such host", "timeout"})) {
    out += "; this node cannot reach the registry";
  }
  for (const std::string& name : absent) out += "; the pull secret \"" + name + "\" does not exist";
  return out;
}

}  // namespace kubus::kubelet
