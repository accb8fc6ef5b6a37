// What a Service's own file and its rules share.
#pragma once

#include "services/store/kinds/kinds.h"

namespace kubus::store::kinds {

// Of what type a Service is, and what that entails.
struct ServiceType {
  std::string_view name;  // "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
  bool headless = false;
  bool has_addresses() const { return name != "ExternalName"; }
  bool has_node_ports() const { return name == "NodePort" || name == "LoadBalancer"; }
};
ServiceType type_of(const json::object& spec);
// Whether a load balancer's health checks need a port of their own.
bool needs_health_port(const json::object& spec);

// `before` is null on create.
void check_service(const json::object* before, const json::object& spec, FieldErrors* errors);

}  // namespace kubus::store::kinds
