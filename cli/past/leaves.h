// An object as a flat list of fields, so that two versions can be compared field by field. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>

#include "schemas/lib/schema/registry.h"

namespace kubus::cli {

// Path → value of everything that holds no further fields. Items of lists stand under what names
// them ("spec.template.spec.containers[web].image"), by the schema's keys; where it gives none, by
// their number. resourceVersion and managedFields are left out.
using Leaves = std::map<std::string, boost::json::value>;
Leaves leaves_of(const schema::TypeInfo& type, const boost::json::value& object);

struct FieldChange {
  std::string path;
  std::optional<boost::json::value> before, after;  // nullopt: it was, or is, not there
};
std::vector<FieldChange> compare(const Leaves& before, const Leaves& after);

// "  spec.replicas: 2 → 3\n" for each.
std::string text_of(const std::vector<FieldChange>& changes);

}  // namespace kubus::cli
