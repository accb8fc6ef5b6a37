// What of an object its node's lane and the index of the store's tables need to know.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "schemas/lib/object.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::store::kinds {

// The node on whose lane a change of the object rides: a bound Pod's, a Node's own name; "" : none.
std::string_view node_of(const schema::KindInfo& kind, std::string_view name,
                         const boost::json::object& object);
// The uids of its owners.
std::vector<std::string> owners_of(const boost::json::object& object);
// Pods can refer to objects of that kind, and their nodes get notices.
bool is_referable(const schema::KindInfo& kind);
// Kinds with a bounded share, which go by their age.
bool is_aged(const schema::KindInfo& kind);

}  // namespace kubus::store::kinds
