#include "services/gateway/api/path.h"

#include <span>

namespace kubus::gateway {
namespace {

using Segments = std::span<const std::string>;

const schema::KindInfo* served(const std::string& group, const std::string& version,
                               const std::string& resource) {
  const schema::KindInfo* kind = schema::Registry::get().by_resource(group, resource);
  return kind && kind->stored && kind->version == version ? kind : nullptr;
}

// RESOURCE[/NAME[/SUBRESOURCE]]
std::optional<ResourcePath> parse_rest(const std::string& group, const std::string& version,
                                       const std::string& ns, Segments rest) {
  if (rest.empty() || rest.size() > 3) return std::nullopt;
  ResourcePath path{served(group, version, rest[0]), ns, "", ""};
  if (!path.kind) return std::nullopt;
  if (rest.size() > 1) path.name = rest[1];
  if (rest.size() > 2) path.subresource = rest[2];
  bool one_of_namespaced = path.kind->namespaced && !path.name.empty();
  if (one_of_namespaced && ns.empty()) return std::nullopt;
  if (!path.kind->namespaced && !ns.empty()) return std::nullopt;
  if (!path.subresource.empty() && !path.kind->subresource(path.subresource)) return std::nullopt;
  return path;
}

}  // namespace

std::optional<ResourcePath> parse_resource_path(const std::vector<std::string>& segments) {
  Segments s(segments);
  std::string group, version;
  if (s.size() >= 3 && s[0] == "api") {
    version = s[1];
    s = s.subspan(2);
  } else if (s.size() >= 4 && s[0] == "apis") {
    group = s[1];
    version = s[2];
    s = s.subspan(3);
  } else {
    return std::nullopt;
  }
  // /namespaces/NS/pods lies in a namespace; /namespaces/NS and /namespaces/NS/status are the
  // Namespace itself.
  bool inside = s[0] == "namespaces" && s.size() >= 3 && served(group, version, s[2]);
  if (inside) return parse_rest(group, version, s[1], s.subspan(2));
  return parse_rest(group, version, "", s);
}

}  // namespace kubus::gateway
