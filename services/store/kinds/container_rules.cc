// The rules of containers: names, images, ports, mounts, environment, resources, probes.
#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "schemas/lib/quantity.h"
#include "services/store/kinds/pod_template.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

using Names = std::set<std::string_view>;

bool native(std::string_view resource) {
  return resource.find('/') == std::string_view::npos ||
         resource.find("kubernetes.io/") != std::string_view::npos;
}

bool overcommits(std::string_view resource) {
  return native(resource) && resource.substr(0, 10) != "hugepages-";
}

// Complains about a quantity below zero.
std::optional<Quantity> check_quantity(const json::value& v, const std::string& path,
                                       FieldErrors* errors) {
  std::optional<Quantity> q = Quantity::parse(text_of(v));
  if (!q) {
    errors->invalid(path, v, "must be a quantity such as 500m or 1Gi");
  } else if (q->sign() < 0) {
    errors->invalid(path, v, "must be at least 0");
  }
  return q;
}

void check_env(const json::array& env, const std::string& path, FieldErrors* errors) {
  constexpr std::array<const char*, 4> kSources = {"fieldRef", "resourceFieldRef",
                                                   "configMapKeyRef", "secretKeyRef"};
  for (size_t i = 0; i < env.size(); ++i) {
    const json::object& variable = object_of(env[i]);
    std::string here = indexed(path, i);
    std::string_view name = text_in(variable, "name");
    std::string wrong = name.empty() ? "" : validation::check_env_name(name);
    if (!wrong.empty()) errors->invalid(joined(here, "name"), json::value(name), wrong);
    if (!has(variable, "valueFrom")) continue;
    const json::object& from = object_in(variable, "valueFrom");
    auto sources = std::count_if(kSources.begin(), kSources.end(),
                                 [&](const char* s) { return has(from, s); });
    std::string at = joined(here, "valueFrom");
    if (!text_in(variable, "value").empty()) {
      errors->invalid(at, "", "cannot be given together with a value");
    } else if (sources != 1) {
      errors->invalid(at, "", "must have exactly one source");
    }
  }
}

void check_mounts(const json::array& mounts, const Names& volumes, const std::string& path,
                  FieldErrors* errors) {
  Names paths;
  for (size_t i = 0; i < mounts.size(); ++i) {
    const json::object& mount = object_of(mounts[i]);
    std::string here = indexed(path, i);
    std::string_view name = text_in(mount, "name"), at = text_in(mount, "mountPath");
    if (!name.empty() && !volumes.contains(name)) {
      errors->not_found(joined(here, "name"), json::value(name));
    }
    if (!at.empty() && !paths.insert(at).second) {
      errors->invalid(joined(here, "mountPath"), json::value(at),
                      "another volume is mounted there");
    }
    if (text_in(mount, "subPath").find("..") != std::string_view::npos) {
      errors->invalid(joined(here, "subPath"), json::value(text_in(mount, "subPath")),
                      "must not hold '..'");
    }
  }
}

void check_ports(const json::array& ports, const std::string& path, FieldErrors* errors) {
  Names names;
  for (size_t i = 0; i < ports.size(); ++i) {
    const json::object& port = object_of(ports[i]);
    std::string here = indexed(path, i);
    std::string_view name = text_in(port, "name");
    if (!name.empty() && !names.insert(name).second)
      errors->duplicate(joined(here, "name"), json::value(name));
  }
}

void check_security(const json::object& context, const std::string& path, FieldErrors* errors) {
  bool escalation = flag_in(context, "allowPrivilegeEscalation", true);
  if (flag_in(context, "privileged") && !escalation) {
    errors->invalid(path, context, "a privileged container cannot forbid privilege escalation");
  }
  for (const char* key : {"runAsUser", "runAsGroup"}) {
    int64_t id = number_in(context, key);
    if (id < 0 || id > 2147483647)
      errors->invalid(joined(path, key), id, "must be between 0 and 2147483647");
  }
}

void check_probes(const json::object& container, bool starts_once, const std::string& path,
                  FieldErrors* errors) {
  for (const char* key : {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}) {
    if (!has(container, key)) continue;
    std::string here = joined(path, key);
    if (starts_once) {
      errors->forbidden(here, "an init container that runs to its end has none");
      continue;
    }
    if (std::string_view(key) == "lifecycle") continue;
    const json::object& probe = object_in(container, key);
    check_probe(probe, here, errors);
    int64_t successes = number_in(probe, "successThreshold", 1);
    if (std::string_view(key) != "readinessProbe" && successes > 1) {
      errors->invalid(joined(here, "successThreshold"), successes, "must be 1");
    }
  }
}

struct Scope {
  Names volumes;
  Names containers;
};

void check_container(const json::object& c, bool init, const std::string& path, Scope* scope,
                     FieldErrors* errors) {
  std::string_view name = text_in(c, "name");
  bool again = !name.empty() && !scope->containers.insert(name).second;
  if (again) errors->duplicate(joined(path, "name"), json::value(name));
  if (text_in(c, "image").empty()) errors->required(joined(path, "image"));
  check_ports(array_in(c, "ports"), joined(path, "ports"), errors);
  check_env(array_in(c, "env"), joined(path, "env"), errors);
  check_mounts(array_in(c, "volumeMounts"), scope->volumes, joined(path, "volumeMounts"), errors);
  check_resources(object_in(c, "resources"), joined(path, "resources"), errors);
  check_security(object_in(c, "securityContext"), joined(path, "securityContext"), errors);
  std::string_view restarts = text_in(c, "restartPolicy");
  check_probes(c, init && restarts != "Always", path, errors);
}

void check_handler(const json::object& handler, std::string_view kind, const std::string& path,
                   FieldErrors* errors) {
  if (kind == "exec") {
    if (array_in(handler, "command").empty()) errors->required(joined(path, "command"));
  } else if (const json::value* port = handler.if_contains("port")) {
    check_int_or_port_name(*port, joined(path, "port"), errors);
  } else if (kind == "grpc") {
    errors->invalid(joined(path, "port"), 0, "must be between 1 and 65535");
  }
}

}  // namespace

void check_resources(const json::object& resources, const std::string& path, FieldErrors* errors) {
  const json::object& limits = object_in(resources, "limits");
  std::string limit_path = joined(path, "limits"), request_path = joined(path, "requests");
  for (const auto& [name, v] : limits) check_quantity(v, keyed(limit_path, name), errors);
  for (const auto& [name, v] : object_in(resources, "requests")) {
    std::optional<Quantity> request = check_quantity(v, keyed(request_path, name), errors);
    const json::value* limit_value = limits.if_contains(name);
    std::optional<Quantity> limit =
        limit_value == nullptr ? std::nullopt : Quantity::parse(text_of(*limit_value));
    if (limit_value == nullptr && !overcommits(name)) {
      errors->required(limit_path, "this resource needs a limit equal to its request");
    }
    if (!request || !limit) continue;
    if (*request > *limit) {
      errors->invalid(request_path, v,
                      "must be at most the " + std::string(name) + " limit of " + limit->str());
    } else if (!overcommits(name) && !(*request == *limit)) {
      errors->invalid(request_path, v,
                      "must equal the " + std::string(name) + " limit of " + limit->str());
    }
  }
}

void check_probe(const json::object& probe, const std::string& path, FieldErrors* errors) {
  bool found = false;
  for (const char* kind : {"exec", "httpGet", "tcpSocket", "grpc"}) {
    if (!has(probe, kind)) continue;
    if (found) {
      errors->forbidden(joined(path, kind), "a probe does one thing only");
    } else {
      check_handler(object_in(probe, kind), kind, joined(path, kind), errors);
    }
    found = true;
  }
  if (!found) errors->required(path, "what the probe is to do is needed");
}

void check_containers(const json::object& spec, const std::string& path, FieldErrors* errors) {
  Scope scope;
  for (const json::value& v : array_in(spec, "volumes"))
    scope.volumes.insert(text_in(object_of(v), "name"));
  for (const char* list : {"containers", "initContainers"}) {
    const json::array& containers = array_in(spec, list);
    for (size_t i = 0; i < containers.size(); ++i) {
      bool init = list[0] == 'i';
      check_container(object_of(containers[i]), init, indexed(joined(path, list), i), &scope,
                      errors);
    }
  }
}

void check_int_or_port_name(const json::value& v, const std::string& path, FieldErrors* errors) {
  if (!v.is_string()) {
    int64_t n = v.is_int64() ? v.get_int64() : 0;
    if (n < 1 || n > 65535) errors->invalid(path, v, "must be between 1 and 65535");
    return;
  }
  std::string_view s = text_of(v);
  auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  auto allowed = [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; };
  if (s.size() > 15) errors->invalid(path, v, "must have at most 15 characters");
  if (!std::all_of(s.begin(), s.end(), allowed))
    errors->invalid(path, v, "must consist of lower-case letters, digits and '-'");
  if (std::none_of(s.begin(), s.end(), lower))
    errors->invalid(path, v, "must have at least one lower-case letter");
  if (s.find("--") != std::string_view::npos)
    errors->invalid(path, v, "must not have two '-' in a row");
  if (!s.empty() && (s.front() == '-' || s.back() == '-'))
    errors->invalid(path, v, "must not begin or end with '-'");
}

}  // namespace kubus::store::kinds
