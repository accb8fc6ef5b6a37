#include "services/gateway/api/discovery.h"

#include <boost/json.hpp>
#include <map>
#include <vector>

#include "schemas/lib/schema/registry.h"
#include "services/gateway/api/answers.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;
using schema::KindInfo;

std::string aggregated_type(const std::string& accept) {
  // Clients write the parameters in this order; v2 is preferred over v2beta1, plain JSON is the
  // rest.
  for (const char* version : {"v2", "v2beta1"}) {
    std::string v = std::string("v=") + version + ";";
    if (accept.find("g=apidiscovery.k8s.io;" + v + "as=APIGroupDiscoveryList") !=
        std::string::npos) {
      return std::string("application/json;g=apidiscovery.k8s.io;") + v +
             "as=APIGroupDiscoveryList";
    }
  }
  return "";
}

json::array strings(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& s : list) out.emplace_back(s);
  return out;
}

// Group → version → kinds, groups in the order of their names (core first).
using Groups = std::map<std::string, std::map<std::string, std::vector<const KindInfo*>>>;

Groups served_groups() {
  Groups out;
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (kind->stored) out[kind->group][kind->version].push_back(kind.get());
  }
  return out;
}

json::object response_kind(const std::string& group, const std::string& version,
                           const std::string& kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

json::object aggregated_resource(const KindInfo& kind) {
  json::object o{{"resource", kind.resource},
                 {"responseKind", response_kind("", "", kind.kind)},
                 {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                 {"singularResource", kind.singular},
                 {"verbs", strings(kind.verbs)}};
  if (!kind.short_names.empty()) o["shortNames"] = strings(kind.short_names);
  if (!kind.categories.empty()) o["categories"] = strings(kind.categories);
  json::array subresources;
  for (const auto& s : kind.subresources) {
    subresources.push_back(json::object{{"subresource", s.name},
                                        {"responseKind", response_kind(s.group, s.version, s.kind)},
                                        {"verbs", strings(s.verbs)}});
  }
  if (!subresources.empty()) o["subresources"] = std::move(subresources);
  return o;
}

std::string aggregated_document(bool core, const std::string& content_type) {
  std::string version = content_type.find("v=v2;") != std::string::npos ? "v2" : "v2beta1";
  json::array items;
  for (const auto& [group, versions] : served_groups()) {
    if (group.empty() != core) continue;
    json::object metadata;
    if (!group.empty()) metadata["name"] = group;
    json::array list;
    for (const auto& [v, kinds] : versions) {
      json::array resources;
      for (const KindInfo* k : kinds) resources.push_back(aggregated_resource(*k));
      list.push_back(json::object{
          {"version", v}, {"resources", std::move(resources)}, {"freshness", "Current"}});
    }
    items.push_back(json::object{{"metadata", std::move(metadata)}, {"versions", std::move(list)}});
  }
  return json::serialize(json::object{{"kind", "APIGroupDiscoveryList"},
                                      {"apiVersion", "apidiscovery.k8s.io/" + version},
                                      {"metadata", json::object()},
                                      {"items", std::move(items)}});
}

json::object group_object(const std::string& group,
                          const std::map<std::string, std::vector<const KindInfo*>>& versions) {
  json::array list;
  for (const auto& [v, kinds] : versions) {
    list.push_back(json::object{{"groupVersion", group + "/" + v}, {"version", v}});
  }
  json::value preferred = list[0];
  return {
      {"name", group}, {"versions", std::move(list)}, {"preferredVersion", std::move(preferred)}};
}

std::string group_list() {
  json::array groups;
  for (const auto& [group, versions] : served_groups()) {
    if (!group.empty()) groups.push_back(group_object(group, versions));
  }
  return json::serialize(
      json::object{{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}});
}

std::string api_versions() {
  return json::serialize(json::object{{"kind", "APIVersions"},
                                      {"versions", json::array{"v1"}},
                                      {"serverAddressByClientCIDRs", json::array{}}});
}

void add_plain(const KindInfo& kind, json::array* out) {
  json::object o{{"name", kind.resource},
                 {"singularName", kind.singular},
                 {"namespaced", kind.namespaced},
                 {"kind", kind.kind},
                 {"verbs", strings(kind.verbs)}};
  if (!kind.short_names.empty()) o["shortNames"] = strings(kind.short_names);
  if (!kind.categories.empty()) o["categories"] = strings(kind.categories);
  out->push_back(std::move(o));
  for (const auto& s : kind.subresources) {
    json::object sub{{"name", kind.resource + "/" + s.name},
                     {"singularName", ""},
                     {"namespaced", kind.namespaced},
                     {"kind", s.kind},
                     {"verbs", strings(s.verbs)}};
    if (!s.version.empty() && (s.group != kind.group || s.version != kind.version)) {
      sub["group"] = s.group;
      sub["version"] = s.version;
    }
    out->push_back(std::move(sub));
  }
}

// "" if nothing is served under that group and version.
std::string resource_list(const std::string& group, const std::string& version) {
  Groups groups = served_groups();
  auto g = groups.find(group);
  if (g == groups.end() || !g->second.count(version)) return "";
  json::array resources;
  for (const KindInfo* kind : g->second[version]) add_plain(*kind, &resources);
  return json::serialize(
      json::object{{"kind", "APIResourceList"},
                   {"apiVersion", "v1"},
                   {"groupVersion", group.empty() ? version : group + "/" + version},
                   {"resources", std::move(resources)}});
}

std::string version_document() {
  return json::serialize(json::object{{"major", "1"},
                                      {"minor", "35"},
                                      {"gitVersion", "v1.35.0+kubus"},
                                      {"gitCommit", ""},
                                      {"gitTreeState", "clean"},
                                      {"buildDate", "1970-01-01T00:00:00Z"},
                                      {"goVersion", ""},
                                      {"compiler", "g++"},
                                      {"platform", "linux/amd64"}});
}

std::string one_group(const std::string& group) {
  Groups groups = served_groups();
  auto found = groups.find(group);
  if (group.empty() || found == groups.end()) return "";
  json::object o = group_object(group, found->second);
  o["kind"] = "APIGroup";
  o["apiVersion"] = "v1";
  return json::serialize(o);
}

std::string plain_document(const std::vector<std::string>& s) {
  if (s.size() == 1) return s[0] == "api" ? api_versions() : group_list();
  if (s[0] == "api") return s.size() == 2 ? resource_list("", s[1]) : "";
  if (s.size() == 2) return one_group(s[1]);
  return s.size() == 3 ? resource_list(s[1], s[2]) : "";
}

}  // namespace

bool answer_discovery(Exchange& exchange) {
  const HttpRequest& r = exchange.request();
  if (r.path == "/version") {
    answer_json(exchange, 200, version_document());
    return true;
  }
  if (r.segments.empty() || (r.segments[0] != "api" && r.segments[0] != "apis")) return false;
  if (r.segments.size() == 1) {
    std::string type = aggregated_type(r.header("accept"));
    if (!type.empty()) {
      answer_cacheable(exchange, type, aggregated_document(r.segments[0] == "api", type));
      return true;
    }
  }
  std::string body = plain_document(r.segments);
  if (body.empty()) return false;
  answer_cacheable(exchange, "application/json", body);
  return true;
}

}  // namespace kubus::gateway
