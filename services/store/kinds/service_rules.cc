#include "services/store/kinds/service_rules.h"

#include <set>
#include <string>

#include "services/store/kinds/meta.h"
#include "services/store/kinds/pod_template.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

void check_names(const json::array& ports, FieldErrors* errors) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < ports.size(); ++i) {
    std::string_view name = text_in(object_of(ports[i]), "name");
    std::string path = joined(indexed("spec.ports", i), "name");
    if (name.empty()) {
      if (ports.size() > 1) errors->required(path);
    } else if (!names.insert(name).second) {
      errors->duplicate(path, json::value(name));
    }
  }
}

void check_node_ports(const ServiceType& type, const json::array& ports, FieldErrors* errors) {
  std::set<std::pair<std::string_view, int64_t>> seen;
  for (size_t i = 0; i < ports.size(); ++i) {
    const json::object& port = object_of(ports[i]);
    int64_t number = number_in(port, "nodePort");
    if (number == 0) continue;
    std::string path = joined(indexed("spec.ports", i), "nodePort");
    if (!type.has_node_ports()) {
      errors->forbidden(path, "is for Services of type NodePort and LoadBalancer");
    } else if (!seen.emplace(text_in(port, "protocol"), number).second) {
      errors->duplicate(path, number);
    }
  }
}

void check_ports(const ServiceType& type, const json::array& ports, FieldErrors* errors) {
  if (ports.empty() && type.has_addresses() && !type.headless) errors->required("spec.ports");
  check_names(ports, errors);
  check_node_ports(type, ports, errors);
  std::set<std::pair<std::string_view, int64_t>> seen;
  for (size_t i = 0; i < ports.size(); ++i) {
    const json::object& port = object_of(ports[i]);
    std::string path = indexed("spec.ports", i);
    const json::value* target = find(port, "targetPort");
    if (target != nullptr) check_int_or_port_name(*target, joined(path, "targetPort"), errors);
    if (!seen.emplace(text_in(port, "protocol"), number_in(port, "port")).second)
      errors->duplicate(path, ports[i]);
  }
}

void check_addresses(const ServiceType& type, const json::object& spec, FieldErrors* errors) {
  const json::array& addresses = array_in(spec, "clusterIPs");
  if (!type.has_addresses()) {
    if (!addresses.empty())
      errors->forbidden("spec.clusterIPs[0]", "a Service of type ExternalName has no address");
    return;
  }
  if (has(spec, "clusterIP") && !addresses.empty() &&
      text_of(addresses[0]) != text_in(spec, "clusterIP")) {
    errors->invalid("spec.clusterIPs[0]", addresses[0], "must be the same as clusterIP");
  }
  for (size_t i = 0; i < addresses.size(); ++i) {
    std::string_view address = text_of(addresses[i]);
    std::string path = indexed("spec.clusterIPs", i);
    if (address == "None") {
      if (addresses.size() > 1) errors->invalid(path, addresses[i], "None stands alone");
    } else if (std::string wrong = validation::check_ip(address); !wrong.empty()) {
      errors->invalid(path, addresses[i], wrong);
    }
  }
  if (addresses.size() > 2) errors->too_many("spec.clusterIPs", addresses.size(), 2);
}

// An address, once given, stays as long as the Service is of a type that has one.
void check_addresses_kept(const json::object& before, const json::object& after,
                          FieldErrors* errors) {
  if (!type_of(before).has_addresses() || !type_of(after).has_addresses()) return;
  const json::array& was = array_in(before, "clusterIPs");
  const json::array& is = array_in(after, "clusterIPs");
  if (was.empty() || (!is.empty() && is[0] == was[0])) return;
  errors->invalid("spec.clusterIPs[0]", is.empty() ? json::value() : is[0],
                  "this field cannot be changed");
}

void check_policies(const ServiceType& type, const json::object& spec, FieldErrors* errors) {
  if (has(spec, "externalTrafficPolicy") && !type.has_node_ports() &&
      array_in(spec, "externalIPs").empty()) {
    errors->invalid("spec.externalTrafficPolicy", *find(spec, "externalTrafficPolicy"),
                    "is for Services that can be reached from outside");
  }
  if (number_in(spec, "healthCheckNodePort") != 0 && !needs_health_port(spec)) {
    errors->invalid("spec.healthCheckNodePort", number_in(spec, "healthCheckNodePort"),
                    "is for load balancers with externalTrafficPolicy Local");
  }
  if (has(spec, "loadBalancerClass") && type.name != "LoadBalancer") {
    errors->forbidden("spec.loadBalancerClass", "is for Services of type LoadBalancer");
  }
  const json::object& client = object_in(object_in(spec, "sessionAffinityConfig"), "clientIP");
  int64_t seconds = number_in(client, "timeoutSeconds", 1);
  if (seconds < 1 || seconds > 86400) {
    errors->invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds,
                    "must be between 1 and 86400");
  }
}

void check_external_name(const ServiceType& type, const json::object& spec, FieldErrors* errors) {
  if (type.name != "ExternalName") return;
  std::string_view name = text_in(spec, "externalName");
  if (name.empty()) {
    errors->required("spec.externalName");
    return;
  }
  if (name.back() == '.') name.remove_suffix(1);
  std::string wrong = validation::check_dns1123_subdomain(name);
  if (!wrong.empty()) errors->invalid("spec.externalName", json::value(name), wrong);
}

}  // namespace

ServiceType type_of(const json::object& spec) {
  // Views of literals: the spec may move while this is in use.
  std::string_view wanted = text_in(spec, "type"), name = wanted.empty() ? "ClusterIP" : "unknown";
  for (std::string_view known : {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}) {
    if (wanted == known) name = known;
  }
  return {name, text_in(spec, "clusterIP") == "None"};
}

bool needs_health_port(const json::object& spec) {
  return type_of(spec).name == "LoadBalancer" && text_in(spec, "externalTrafficPolicy") == "Local";
}

void check_service(const json::object* before, const json::object& spec, FieldErrors* errors) {
  ServiceType type = type_of(spec);
  check_ports(type, array_in(spec, "ports"), errors);
  check_labels(object_in(spec, "selector"), "spec.selector", errors);
  check_addresses(type, spec, errors);
  if (before != nullptr) check_addresses_kept(*before, spec, errors);
  check_policies(type, spec, errors);
  check_external_name(type, spec, errors);
  const json::array& external = array_in(spec, "externalIPs");
  for (size_t i = 0; i < external.size(); ++i) {
    std::string wrong = validation::check_ip(text_of(external[i]));
    if (!wrong.empty()) errors->invalid(indexed("spec.externalIPs", i), external[i], wrong);
  }
}

}  // namespace kubus::store::kinds
