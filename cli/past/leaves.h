// An object as a flat list of fields, so that two versions can be compared field by field. Pure.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schemas/lib/object.h"

namespace kubus::cli {

// Path → value of everything that holds no further fields. Items of lists stand under what names
// them ("spec.template.spec.containers[name=web].image"), by the schema's keys; where it gives
// none, by their number. resourceVersion, generation and managedFields are left out.
using Leaves = std::map<std::string, boost::json::value>;
Leaves leaves_of(const schema::TypeInfo& type, const boost::json::value& object);

// How paths are written, as events name what changed: "metadata.labels.app",
// "metadata.annotations[example.com/owner]".
std::string member_path(const std::string& path, std::string_view name);
// `path` is `field` or lies in it.
bool within(std::string_view path, std::string_view field);
// What an item of that list stands under: the schema's keys with their values ("name=web"), or
// itself in a set; "" : only its number tells it apart.
std::string item_name(const schema::FieldInfo* field, const boost::json::value& item);

struct FieldChange {
  std::string path;
  std::optional<boost::json::value> before, after;  // nullopt: it was, or is, not there
};
Leaves leaves_of(const Object& object);
std::vector<FieldChange> compare(const Leaves& before, const Leaves& after);

// "  spec.replicas: 2 → 3\n" for each.
std::string text_of(const std::vector<FieldChange>& changes);
// That of two versions of an object.
std::string difference(const Object& before, const Object& after);
// "  - spec.replicas: 2\n  + spec.replicas: 3\n" for each; in red and green if `coloured`.
std::string unified(const std::vector<FieldChange>& changes, bool coloured);
// [{"path":…,"before":…,"after":…}]; what is not there has no such member.
boost::json::array json_of(const std::vector<FieldChange>& changes);

}  // namespace kubus::cli
