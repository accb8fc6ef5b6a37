// The rules of a PodSpec as a whole, its volumes, its scheduling.
#include <algorithm>
#include <set>
#include <string>

#include "services/store/kinds/meta.h"
#include "services/store/kinds/pod_template.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

void check_tolerations(const json::array& tolerations, const std::string& path,
                       FieldErrors* errors) {
  for (size_t i = 0; i < tolerations.size(); ++i) {
    const json::object& t = object_of(tolerations[i]);
    std::string here = indexed(path, i);
    std::string_view key = text_in(t, "key"), op = text_in(t, "operator");
    if (!key.empty()) {
      std::string wrong = validation::check_qualified_name(key);
      if (!wrong.empty()) errors->invalid(joined(here, "key"), json::value(key), wrong);
    } else if (op != "Exists") {
      errors->invalid(joined(here, "operator"), json::value(op),
                      "must be Exists when there is no key");
    }
    if (op == "Exists" && !text_in(t, "value").empty()) {
      errors->invalid(joined(here, "operator"), json::value(op), "Exists takes no value");
    }
    if (has(t, "tolerationSeconds") && text_in(t, "effect") != "NoExecute") {
      errors->invalid(joined(here, "effect"), json::value(text_in(t, "effect")),
                      "must be NoExecute where tolerationSeconds is set");
    }
  }
}

void check_dns(const json::object& spec, const std::string& path, FieldErrors* errors) {
  if (text_in(spec, "dnsPolicy") != "None") return;
  std::string here = joined(path, "dnsConfig");
  if (!has(spec, "dnsConfig")) {
    errors->required(here, "dnsPolicy None needs it");
  } else if (array_in(object_in(spec, "dnsConfig"), "nameservers").empty()) {
    errors->required(joined(here, "nameservers"), "dnsPolicy None needs one at least");
  }
}

void check_topology_key(const json::object& term, const std::string& path, FieldErrors* errors) {
  std::string_view key = text_in(term, "topologyKey");
  std::string here = joined(path, "topologyKey");
  if (key.empty()) {
    // Besides the schema's complaint that it is missing, as clients know it.
    errors->invalid(here, "", "must not be empty");
    errors->invalid(here, "", validation::check_qualified_name(""));
  } else if (std::string wrong = validation::check_qualified_name(key); !wrong.empty()) {
    errors->invalid(here, json::value(key), wrong);
  }
}

void check_pod_terms(const json::object& affinity, const std::string& path, FieldErrors* errors) {
  std::string here = joined(path, "requiredDuringSchedulingIgnoredDuringExecution");
  const json::array& required =
      array_in(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
  for (size_t i = 0; i < required.size(); ++i)
    check_topology_key(object_of(required[i]), indexed(here, i), errors);
  here = joined(path, "preferredDuringSchedulingIgnoredDuringExecution");
  const json::array& preferred =
      array_in(affinity, "preferredDuringSchedulingIgnoredDuringExecution");
  for (size_t i = 0; i < preferred.size(); ++i) {
    const json::object& term = object_of(preferred[i]);
    check_topology_key(object_in(term, "podAffinityTerm"),
                       joined(indexed(here, i), "podAffinityTerm"), errors);
    int64_t weight = number_in(term, "weight");
    if (weight < 1 || weight > 100) {
      errors->invalid(joined(indexed(here, i), "weight"), weight, "must be between 1 and 100");
    }
  }
}

void check_affinity(const json::object& affinity, const std::string& path, FieldErrors* errors) {
  check_pod_terms(object_in(affinity, "podAffinity"), joined(path, "podAffinity"), errors);
  check_pod_terms(object_in(affinity, "podAntiAffinity"), joined(path, "podAntiAffinity"), errors);
}

void check_spread(const json::array& constraints, const std::string& path, FieldErrors* errors) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (size_t i = 0; i < constraints.size(); ++i) {
    const json::object& c = object_of(constraints[i]);
    std::string here = indexed(path, i);
    std::string_view key = text_in(c, "topologyKey"), action = text_in(c, "whenUnsatisfiable");
    if (number_in(c, "maxSkew") <= 0) {
      errors->invalid(joined(here, "maxSkew"), number_in(c, "maxSkew"), "must be greater than 0");
    }
    if (!seen.emplace(key, action).second) errors->duplicate(here, constraints[i]);
  }
}

void check_host(const json::object& spec, const std::string& path, FieldErrors* errors) {
  if (flag_in(spec, "shareProcessNamespace") && flag_in(spec, "hostPID")) {
    errors->invalid(joined(path, "securityContext.shareProcessNamespace"), true,
                    "cannot be true together with hostPID");
  }
  const json::object& os = object_in(spec, "os");
  std::string_view name = text_in(os, "name");
  if (has(spec, "os") && name != "linux" && name != "windows") {
    errors->not_supported(joined(path, "os"), json::value(name), {"linux", "windows"});
  }
}

void check_ids(const json::object& context, const std::string& path, FieldErrors* errors) {
  for (const char* key : {"runAsUser", "runAsGroup", "fsGroup"}) {
    int64_t id = number_in(context, key);
    if (id < 0 || id > 2147483647) {
      errors->invalid(joined(path, key), id, "must be between 0 and 2147483647");
    }
  }
}

}  // namespace

void check_volumes(const json::object& spec, const std::string& path, FieldErrors* errors) {
  const json::array& volumes = array_in(spec, "volumes");
  std::set<std::string_view> names;
  for (size_t i = 0; i < volumes.size(); ++i) {
    const json::object& volume = object_of(volumes[i]);
    std::string here = indexed(joined(path, "volumes"), i);
    std::string_view name = text_in(volume, "name");
    if (!names.insert(name).second) errors->duplicate(joined(here, "name"), json::value(name));
    size_t sources = 0;
    for (const auto& [key, v] : volume) {
      if (key == "name" || v.is_null()) continue;
      if (++sources > 1) errors->forbidden(joined(here, key), "a volume has one source only");
    }
  }
}

void check_pod_spec(const json::object& spec, const std::string& path, FieldErrors* errors) {
  check_volumes(spec, path, errors);
  check_containers(spec, path, errors);
  check_labels(object_in(spec, "nodeSelector"), joined(path, "nodeSelector"), errors);
  check_tolerations(array_in(spec, "tolerations"), joined(path, "tolerations"), errors);
  check_dns(spec, path, errors);
  check_affinity(object_in(spec, "affinity"), joined(path, "affinity"), errors);
  check_spread(array_in(spec, "topologySpreadConstraints"),
               joined(path, "topologySpreadConstraints"), errors);
  check_host(spec, path, errors);
  check_ids(object_in(spec, "securityContext"), joined(path, "securityContext"), errors);
}

}  // namespace kubus::store::kinds
