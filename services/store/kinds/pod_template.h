// What Pods and the templates of Pods share: defaults that depend on other fields, and the rules of
// a PodSpec.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "services/store/kinds/kinds.h"

namespace kubus::store::kinds {

// Pull policies by image, requests from limits, host ports, volume sources, account names. Before
// the schema's defaults.
void default_pod_spec(json::object& spec);

// The rules of a PodSpec at `path`.
void check_pod_spec(const json::object& spec, const std::string& path, FieldErrors* errors);
void check_volumes(const json::object& spec, const std::string& path, FieldErrors* errors);
void check_containers(const json::object& spec, const std::string& path, FieldErrors* errors);
void check_probe(const json::object& probe, const std::string& path, FieldErrors* errors);
void check_resources(const json::object& resources, const std::string& path, FieldErrors* errors);

// A workload's selector and template: the selector must be there, not be empty, and match the
// template's labels; the template's Pods restart always. `what`: "deployment".
void check_workload_template(const json::object& spec, std::string_view what, FieldErrors* errors);
// spec.selector cannot change.
void check_selector_kept(const json::object& before, const json::object& after,
                         FieldErrors* errors);
// A port number 1–65535 or a port's name; one error for each rule that is broken.
void check_int_or_port_name(const json::value& v, const std::string& path, FieldErrors* errors);

}  // namespace kubus::store::kinds
