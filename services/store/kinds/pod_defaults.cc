#include <array>

#include "services/store/kinds/pod_template.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr std::array<const char*, 3> kContainerLists = {"initContainers", "containers",
                                                        "ephemeralContainers"};

// "latest" and no tag at all mean: look for a newer one each time.
bool always_pulled(std::string_view image) {
  if (image.find('@') != std::string_view::npos) return false;
  size_t slash = image.rfind('/');
  size_t tag = image.find(':', slash == std::string_view::npos ? 0 : slash);
  return tag == std::string_view::npos || image.substr(tag + 1) == "latest";
}

void default_requests(json::object& container) {
  json::object* resources = object_at(container, "resources");
  if (resources == nullptr) return;
  json::object limits = object_in(*resources, "limits");
  for (const auto& [name, quantity] : limits)
    default_to(make_object(*resources, "requests"), name, quantity);
}

void default_host_ports(json::object& container) {
  json::array* ports = array_at(container, "ports");
  if (ports == nullptr) return;
  for (json::value& v : *ports) {
    if (json::object* port = v.if_object();
        port != nullptr && number_in(*port, "hostPort") == 0 && has(*port, "containerPort")) {
      json::value number = (*port)["containerPort"];
      (*port)["hostPort"] = std::move(number);
    }
  }
}

void default_container(json::object& container, bool host_network) {
  if (text_in(container, "imagePullPolicy").empty()) {
    container["imagePullPolicy"] =
        always_pulled(text_in(container, "image")) ? "Always" : "IfNotPresent";
  }
  default_requests(container);
  if (host_network) default_host_ports(container);
}

// A volume that names no source is an empty directory.
void default_volumes(json::object& spec) {
  json::array* volumes = array_at(spec, "volumes");
  if (volumes == nullptr) return;
  for (json::value& v : *volumes) {
    json::object* volume = v.if_object();
    if (volume == nullptr) continue;
    bool source = false;
    for (const auto& [key, value] : *volume) source = source || (key != "name" && !value.is_null());
    if (!source) (*volume)["emptyDir"] = json::object();
  }
}

// Two names for one field, of which the newer one counts.
void default_account(json::object& spec) {
  std::string name(text_in(spec, "serviceAccountName"));
  if (name.empty()) name = text_in(spec, "serviceAccount");
  if (name.empty()) return;
  spec["serviceAccountName"] = name;
  spec["serviceAccount"] = name;
}

}  // namespace

void default_pod_spec(json::object& spec) {
  bool host_network = flag_in(spec, "hostNetwork");
  for (const char* list : kContainerLists) {
    json::array* containers = array_at(spec, list);
    if (containers == nullptr) continue;
    for (json::value& v : *containers) {
      if (json::object* container = v.if_object()) default_container(*container, host_network);
    }
  }
  default_volumes(spec);
  default_account(spec);
  default_to(spec, "securityContext", json::object());
}

}  // namespace kubus::store::kinds
