// Who manages whom: the owner reference that says `controller`, and an index by it.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bus/kit/informer.h"
#include "schemas/lib/object.h"

namespace kubus::controllers {

struct OwnerRef {
  std::string_view api_version, kind, name, uid;
  explicit operator bool() const { return !uid.empty(); }
};
// The one owner that manages the object; empty if none does. Lives as long as the object.
OwnerRef controller_of(const Object& object);
// As a new dependent holds it.
boost::json::object controller_ref(const Object& owner);

// Merge patches of metadata.ownerReferences, to be sent with the object's uid and revision as
// preconditions: with `owner` as controller added to those that are there, or without those.
std::string adoption_patch(const Object& object, const Object& owner);
std::string release_patch(const Object& object, const std::vector<std::string>& owner_uids);

// Objects of one kind by the uid of their controller, and those that have none by namespace. Made
// before the handlers that rely on it.
class OwnerIndex {
 public:
  explicit OwnerIndex(kit::Informer& informer);
  OwnerIndex(const OwnerIndex&) = delete;

  std::vector<Object> owned_by(std::string_view uid) const;
  std::vector<Object> orphans(std::string_view ns) const;

 private:
  using Keys = std::set<std::pair<std::string, std::string>>;
  void put(const Object& object, bool there);
  std::vector<Object> objects(const Keys* keys) const;

  kit::Informer& informer_;
  std::map<std::string, Keys, std::less<>> owned_, orphans_;
};

}  // namespace kubus::controllers
