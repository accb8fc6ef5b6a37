// What schema attributes can say about an object: defaults, required fields, enums, formats,
// bounds, immutable fields. What they can't say is one validator per kind in services/store/kinds,
// which uses FieldErrors too.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/result.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::validation {

namespace json = boost::json;

// Collects causes; paths as Kubernetes writes them: spec.containers[0].ports[1].name,
// metadata.labels[bad key].
class FieldErrors {
 public:
  void required(std::string field, std::string_view detail = "");
  void invalid(std::string field, const json::value& value, std::string_view detail);
  void not_supported(std::string field, const json::value& value,
                     const std::vector<std::string>& allowed);
  void forbidden(std::string field, std::string_view detail);
  void duplicate(std::string field, const json::value& value);
  void not_found(std::string field, const json::value& value);
  void too_long(std::string field, size_t most);
  void too_many(std::string field, size_t have, size_t most);
  void type_invalid(std::string field, const json::value& value, std::string_view detail);

  // Causes found elsewhere, as they are.
  void add(Cause cause) { causes_.push_back(std::move(cause)); }

  bool empty() const { return causes_.empty(); }
  const std::vector<Cause>& causes() const { return causes_; }
  // kInvalid: `Pod "web" is invalid: spec.containers: Required value`, several joined in brackets.
  Error error(std::string_view kind, std::string_view name) const;

 private:
  std::vector<Cause> causes_;
};

// Fills every absent field that has a default, in structs that are present (or `always`), all the
// way down.
void apply_defaults(const schema::TypeInfo& type, json::value& value);
// Structural rules of `type` on `value`; `path` is where it stands ("" for an object, whose
// metadata and status are left out: the former has rules that no attribute can say, the latter is
// its writers' matter).
void check(const schema::TypeInfo& type, const json::value& value, std::string_view path,
           FieldErrors* errors);
// Fields marked immutable that differ.
void check_immutable(const schema::TypeInfo& type, const json::value& before,
                     const json::value& after, std::string_view path, FieldErrors* errors);

// Names and formats; each answers "" or what is wrong with it, in our words.
std::string check_dns1123_label(std::string_view s);      // ≤ 63
std::string check_dns1123_subdomain(std::string_view s);  // ≤ 253
std::string check_dns1035_label(std::string_view s);
std::string check_qualified_name(std::string_view s);  // [prefix/]name, label and annotation keys
std::string check_label_value(std::string_view s);
std::string check_port_name(std::string_view s);
std::string check_ip(std::string_view s);
std::string check_cidr(std::string_view s);
std::string check_env_name(std::string_view s);
std::string check_config_key(std::string_view s);  // keys of ConfigMaps and Secrets
// By FieldInfo::format; an unknown format accepts everything.
std::string check_format(std::string_view format, std::string_view s);

}  // namespace kubus::validation
