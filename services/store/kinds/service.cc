// Service: addresses and ports that only it may have, and what each type has and has not.
#include <set>

#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/service_rules.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

using Outcome = Allocator::Outcome;

constexpr int64_t kAffinitySeconds = 10800;

// clusterIP and clusterIPs[0] say the same; clients may give either.
void align_addresses(json::object& spec) {
  std::string first(text_in(spec, "clusterIP"));
  const json::array& all = array_in(spec, "clusterIPs");
  if (!first.empty() && all.empty()) {
    make_array(spec, "clusterIPs").emplace_back(first);
  } else if (first.empty() && !all.empty()) {
    json::value v = all[0];
    spec["clusterIP"] = std::move(v);
  }
}

// Who changes one of the two means both.
void align_changed_addresses(const json::object& old, json::object& spec) {
  bool first = !same(old, spec, "clusterIP"), all = !same(old, spec, "clusterIPs");
  if (first && !all) {
    spec.erase("clusterIPs");
  } else if (all && !first) {
    spec.erase("clusterIP");
  }
}

const json::object* same_port(const json::array& ports, const json::object& port) {
  for (const json::value& v : ports) {
    const json::object& other = object_of(v);
    bool protocol =
        text_in(other, "protocol") == text_in(port, "protocol") || !has(port, "protocol");
    if (protocol && number_in(other, "port") == number_in(port, "port")) return &other;
  }
  return nullptr;
}

std::set<int64_t> node_ports(const json::object& spec) {
  std::set<int64_t> out;
  for (const json::value& v : array_in(spec, "ports")) {
    if (int64_t n = number_in(object_of(v), "nodePort"); n != 0) out.insert(n);
  }
  if (int64_t n = number_in(spec, "healthCheckNodePort"); n != 0) out.insert(n);
  return out;
}

// What was allocated stays with a Service whose writer left it out.
void keep_allocated(const json::object& old, json::object& spec) {
  ServiceType was = type_of(old), is = type_of(spec);
  if (was.has_addresses() && is.has_addresses() && !has(spec, "clusterIP") &&
      !has(spec, "clusterIPs")) {
    carry(old, spec, "clusterIP");
    carry(old, spec, "clusterIPs");
  }
  json::array* ports = array_at(spec, "ports");
  if (ports != nullptr && was.has_node_ports() && is.has_node_ports()) {
    for (json::value& v : *ports) {
      json::object* port = v.if_object();
      if (port == nullptr || number_in(*port, "nodePort") != 0) continue;
      const json::object* before = same_port(array_in(old, "ports"), *port);
      if (before != nullptr) carry(*before, *port, "nodePort");
    }
  }
  if (needs_health_port(old) && needs_health_port(spec) &&
      number_in(spec, "healthCheckNodePort") == 0) {
    carry(old, spec, "healthCheckNodePort");
  }
}

// A type that is left behind takes what only it has along, unless the writer changed that too.
void drop_of_former_type(const json::object& old, json::object& spec) {
  ServiceType was = type_of(old), is = type_of(spec);
  if (was.has_addresses() && !is.has_addresses() && same(old, spec, "clusterIP")) {
    for (const char* key :
         {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"})
      spec.erase(key);
  }
  if (was.has_node_ports() && !is.has_node_ports()) {
    json::array* ports = array_at(spec, "ports");
    if (ports != nullptr && node_ports(old) == node_ports(spec)) {
      for (json::value& v : *ports) {
        if (json::object* port = v.if_object()) port->erase("nodePort");
      }
    }
    if (same(old, spec, "externalTrafficPolicy")) spec.erase("externalTrafficPolicy");
  }
  if (needs_health_port(old) && !needs_health_port(spec) &&
      same(old, spec, "healthCheckNodePort")) {
    spec.erase("healthCheckNodePort");
  }
  if (was.name == "LoadBalancer" && is.name != "LoadBalancer") {
    for (const char* key : {"allocateLoadBalancerNodePorts", "loadBalancerClass"}) {
      if (same(old, spec, key)) spec.erase(key);
    }
  }
}

void default_ports(json::object& spec) {
  json::array* ports = array_at(spec, "ports");
  if (ports == nullptr) return;
  for (json::value& v : *ports) {
    json::object* port = v.if_object();
    if (port == nullptr) continue;
    const json::value* target = find(*port, "targetPort");
    bool none = target == nullptr || *target == 0 || *target == "";
    if (none) (*port)["targetPort"] = number_in(*port, "port");
  }
}

void default_families(json::object& spec, bool headless) {
  // Without a selector nobody knows of which family the endpoints will be.
  bool open = headless && object_in(spec, "selector").empty();
  default_to(spec, "ipFamilyPolicy", open ? "RequireDualStack" : "SingleStack");
  if (!array_in(spec, "ipFamilies").empty()) return;
  json::array& families = make_array(spec, "ipFamilies");
  families.emplace_back("IPv4");
  if (open) families.emplace_back("IPv6");
}

class Service final : public KindBehaviour {
 public:
  std::string check_name(std::string_view name) const override {
    return validation::check_dns1035_label(name);
  }

  void prepare_update(Context&, const json::object& before, json::object& after) const override {
    const json::object& old = object_in(before, "spec");
    json::object& spec = make_object(after, "spec");
    align_changed_addresses(old, spec);
    keep_allocated(old, spec);
    drop_of_former_type(old, spec);
  }

  void default_before(json::object& object) const override {
    json::object& spec = make_object(object, "spec");
    align_addresses(spec);
    ServiceType type = type_of(spec);
    default_ports(spec);
    if (text_in(spec, "sessionAffinity") == "ClientIP") {
      default_to(make_object(make_object(spec, "sessionAffinityConfig"), "clientIP"),
                 "timeoutSeconds", kAffinitySeconds);
    } else {
      spec.erase("sessionAffinityConfig");
    }
    if (!type.has_addresses()) return;
    default_to(spec, "internalTrafficPolicy", "Cluster");
    bool outside = type.has_node_ports() || !array_in(spec, "externalIPs").empty();
    if (outside) default_to(spec, "externalTrafficPolicy", "Cluster");
    if (type.name == "LoadBalancer") default_to(spec, "allocateLoadBalancerNodePorts", true);
    default_families(spec, type.headless);
  }

  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    check_service(before == nullptr ? nullptr : &object_in(*before, "spec"),
                  object_in(object, "spec"), errors);
  }

  // A missing port is a wrong one to clients.
  void restate(Cause* cause) const override {
    bool port =
        cause->field.size() > 6 && cause->field.compare(cause->field.size() - 6, 6, "].port") == 0;
    if (port && cause->reason == "FieldValueRequired") {
      cause->reason = "FieldValueInvalid";
      cause->message = "Invalid value: 0: must be between 1 and 65535";
    }
  }

  void allocate(Context& ctx, const json::object* before, json::object& object,
                FieldErrors* errors) const override {
    json::object& spec = make_object(object, "spec");
    static const json::object kNothing;
    const json::object& old = before == nullptr ? kNothing : object_in(*before, "spec");
    allocate_address(ctx, old, spec, errors);
    allocate_ports(ctx, old, spec, errors);
  }

  void release(Context& ctx, const json::object& object) const override {
    const json::object& spec = object_in(object, "spec");
    for (const json::value& v : array_in(spec, "clusterIPs")) release_address(ctx, text_of(v));
    for (int64_t n : node_ports(spec)) ctx.allocator.release_node_port(static_cast<int32_t>(n));
  }

 private:
  static void release_address(Context& ctx, std::string_view address) {
    if (!address.empty() && address != "None") ctx.allocator.release_cluster_ip(address);
  }

  static void allocate_address(Context& ctx, const json::object& old, json::object& spec,
                               FieldErrors* errors) {
    ServiceType type = type_of(spec);
    std::string held(text_in(old, "clusterIP"));
    if (!type.has_addresses()) {
      release_address(ctx, held);
      return;
    }
    std::string address(text_in(spec, "clusterIP"));
    if (type.headless || (!held.empty() && held == address)) return;
    bool wanted = !address.empty();
    Outcome outcome = ctx.allocator.claim_cluster_ip(&address);
    if (outcome == Outcome::kOk) {
      spec["clusterIP"] = address;
      spec["clusterIPs"] = json::array{json::value(address)};
      return;
    }
    std::string why = outcome == Outcome::kTaken ? "another Service has this address"
                      : outcome == Outcome::kOutOfRange
                          ? "is not in the range " + ctx.allocator.cluster_ip_range()
                          : "no address is left in " + ctx.allocator.cluster_ip_range();
    errors->invalid("spec.clusterIPs",
                    wanted ? json::value(array_in(spec, "clusterIPs")) : json::value(), why);
  }

  static void allocate_ports(Context& ctx, const json::object& old, json::object& spec,
                             FieldErrors* errors) {
    std::set<int64_t> held = node_ports(old);
    std::set<int64_t> kept;
    bool automatic = type_of(spec).name != "LoadBalancer" ||
                     flag_in(spec, "allocateLoadBalancerNodePorts", true);
    json::array* ports = array_at(spec, "ports");
    if (type_of(spec).has_node_ports() && ports != nullptr) {
      // Those that were asked for come first, so that no free choice takes them.
      for (bool asked : {true, false}) {
        for (size_t i = 0; i < ports->size(); ++i) {
          json::object* port = (*ports)[i].if_object();
          if (port == nullptr || (number_in(*port, "nodePort") != 0) != asked ||
              (!asked && !automatic))
            continue;
          claim(ctx, port, "nodePort", joined(indexed("spec.ports", i), "nodePort"), held, &kept,
                errors);
        }
      }
    }
    if (needs_health_port(spec)) {
      claim(ctx, &spec, "healthCheckNodePort", "spec.healthCheckNodePort", held, &kept, errors);
    }
    for (int64_t n : held) {
      if (!kept.contains(n)) ctx.allocator.release_node_port(static_cast<int32_t>(n));
    }
  }

  static void claim(Context& ctx, json::object* at, std::string_view key, const std::string& path,
                    const std::set<int64_t>& held, std::set<int64_t>* kept, FieldErrors* errors) {
    auto number = static_cast<int32_t>(number_in(*at, key));
    // One number serves TCP and UDP alike.
    if (number != 0 && (held.contains(number) || kept->contains(number))) {
      kept->insert(number);
      return;
    }
    int32_t wanted = number;
    Outcome outcome = ctx.allocator.claim_node_port(&number);
    if (outcome == Outcome::kOk) {
      (*at)[key] = number;
      kept->insert(number);
      return;
    }
    std::string why = outcome == Outcome::kTaken ? "another Service has this port"
                      : outcome == Outcome::kOutOfRange
                          ? "must be in the range " + ctx.allocator.node_port_range()
                          : "no port is left in " + ctx.allocator.node_port_range();
    errors->invalid(path, wanted, why);
  }
};

}  // namespace

const KindBehaviour& service_behaviour() {
  static const Service kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
