#include "agents/kubelet/pods/sources.h"

#include "schemas/core/v1/config_generated.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/quantity.h"

namespace kubus::kubelet {
namespace {

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

template <class List>
void add_texts(const List* list, std::map<std::string, std::string>* out) {
  if (!list) return;
  for (const auto* e : *list) (*out)[text(e->key())] = text(e->value());
}

template <class List>
void add_bytes(const List* list, std::map<std::string, std::string>* out) {
  if (!list) return;
  for (const auto* e : *list) {
    const auto* value = e->value();
    (*out)[text(e->key())] = value ? std::string(value->begin(), value->end()) : std::string();
  }
}

std::string quoted(const std::string& value) {
  std::string out = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

template <class List>
std::string lines_of(const List* list) {
  std::map<std::string, std::string> sorted;
  add_texts(list, &sorted);
  std::string out;
  for (const auto& [key, value] : sorted)
    out += (out.empty() ? "" : "\n") + key + "=" + quoted(value);
  return out;
}

// "metadata.labels['x']" → x; nullopt: another path.
std::optional<std::string> subscript(const std::string& path, const std::string& map) {
  if (path.size() < map.size() + 4 || path.compare(0, map.size() + 2, map + "['") != 0 ||
      path.compare(path.size() - 2, 2, "']") != 0)
    return std::nullopt;
  return path.substr(map.size() + 2, path.size() - map.size() - 4);
}

std::optional<std::string> simple_field(const Object& pod, const PodFacts& facts,
                                        const std::string& path) {
  const auto* p = pod.as<core::v1::Pod>();
  if (path == "metadata.name") return std::string(pod.name());
  if (path == "metadata.namespace") return std::string(pod.ns());
  if (path == "metadata.uid") return std::string(pod.uid());
  if (path == "metadata.labels") return lines_of(p->metadata()->labels());
  if (path == "metadata.annotations") return lines_of(p->metadata()->annotations());
  if (path == "spec.nodeName") return facts.node;
  if (path == "spec.serviceAccountName")
    return p->spec() ? text(p->spec()->service_account_name()) : "";
  if (path == "status.podIP" || path == "status.podIPs") return facts.pod_ip;
  if (path == "status.hostIP" || path == "status.hostIPs") return facts.host_ip;
  return std::nullopt;
}

template <class List>
const core::v1::Container* named(const List* list, const std::string& name) {
  if (!list) return nullptr;
  for (const auto* c : *list) {
    if (text(c->name()) == name) return c;
  }
  return nullptr;
}

template <class List>
std::optional<Quantity> amount(const List* list, const std::string& resource) {
  if (!list) return std::nullopt;
  for (const auto* e : *list) {
    if (text(e->key()) == resource) return Quantity::parse(text(e->value()));
  }
  return std::nullopt;
}

}  // namespace

std::map<std::string, std::string> contents_of(const Object& source) {
  std::map<std::string, std::string> out;
  if (source.kind().resource == "secrets") {
    add_bytes(source.as<core::v1::Secret>()->data(), &out);
  } else {
    add_texts(source.as<core::v1::ConfigMap>()->data(), &out);
    add_bytes(source.as<core::v1::ConfigMap>()->binary_data(), &out);
  }
  return out;
}

std::string described(const RefKey& key) {
  return (key.resource == "secrets" ? "Secret \"" : "ConfigMap \"") + key.name + "\"";
}

Result<std::map<std::string, std::string>> look_up(const Lookup& lookup, const RefKey& key,
                                                   bool optional) {
  if (Object found = lookup(key)) return contents_of(found);
  if (optional) return std::map<std::string, std::string>();
  return Error(Code::kNotFound, described(key) + " does not exist");
}

Result<std::string> field_text(const Object& pod, const PodFacts& facts,
                               const core::v1::ObjectFieldSelector& selector) {
  std::string path = text(selector.field_path());
  if (auto found = simple_field(pod, facts, path)) return *found;
  if (auto key = subscript(path, "metadata.labels"))
    return std::string(pod.label(*key).value_or(""));
  if (auto key = subscript(path, "metadata.annotations"))
    return std::string(pod.annotation(*key).value_or(""));
  return Error(Code::kInvalid, "a container cannot ask for the field \"" + path + "\"");
}

Result<std::string> resource_text(const Object& pod, const PodFacts& facts,
                                  const core::v1::Container* own,
                                  const core::v1::ResourceFieldSelector& selector) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  std::string name = text(selector.container_name()), asked = text(selector.resource());
  const core::v1::Container* c = name.empty() ? own : named(spec->containers(), name);
  if (!c && !name.empty()) c = named(spec->init_containers(), name);
  if (!c) return Error(Code::kInvalid, "there is no container \"" + name + "\"");
  size_t dot = asked.find('.');
  std::string list = asked.substr(0, dot);
  std::string resource = dot == std::string::npos ? "" : asked.substr(dot + 1);
  std::optional<Quantity> value;
  if (c->resources() && list == "limits") value = amount(c->resources()->limits(), resource);
  if (c->resources() && list == "requests") value = amount(c->resources()->requests(), resource);
  if (!value && list == "limits" && resource == "cpu") value = Quantity::of_milli(facts.cpu_milli);
  if (!value && list == "limits" && resource == "memory") value = Quantity::of(facts.memory_bytes);
  if (!value && list == "requests" && !resource.empty()) value = Quantity();
  if (!value) return Error(Code::kInvalid, "container " + text(c->name()) + " sets no " + asked);
  auto divisor = Quantity::parse(text(selector.divisor()));
  if (!divisor || divisor->is_zero()) divisor = Quantity::of(1);
  bool fine = resource == "cpu";
  int64_t whole = fine ? value->milli() : value->units();
  int64_t part = fine ? divisor->milli() : divisor->units();
  return std::to_string(part > 0 ? (whole + part - 1) / part : 0);
}

}  // namespace kubus::kubelet
