#include "services/store/kinds/indexed.h"

#include <algorithm>
#include <array>

#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr std::array<std::string_view, 5> kReferable = {
    "configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims", "persistentvolumes"};

bool core(const schema::KindInfo& kind, std::string_view resource) {
  return kind.group.empty() && kind.resource == resource;
}

}  // namespace

std::string_view node_of(const schema::KindInfo& kind, std::string_view name,
                         const json::object& object) {
  if (core(kind, "nodes")) return name;
  return core(kind, "pods") ? text_in(object_in(object, "spec"), "nodeName") : std::string_view();
}

std::vector<std::string> owners_of(const json::object& object) {
  std::vector<std::string> out;
  for (const json::value& owner : array_in(object_in(object, "metadata"), "ownerReferences"))
    out.emplace_back(text_in(object_of(owner), "uid"));
  return out;
}

bool is_referable(const schema::KindInfo& kind) {
  return kind.group.empty() &&
         std::find(kReferable.begin(), kReferable.end(), kind.resource) != kReferable.end();
}

bool is_aged(const schema::KindInfo& kind) {
  return core(kind, "events");
}

}  // namespace kubus::store::kinds
