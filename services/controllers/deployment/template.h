// The template of a Deployment, and the ReplicaSets that stand for its versions. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>

#include "schemas/lib/object.h"

namespace kubus::controllers::deployment {

inline constexpr std::string_view kHashLabel = "pod-template-hash";
inline constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
inline constexpr std::string_view kRevisionHistory = "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view kDesired = "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view kMost = "deployment.kubernetes.io/max-replicas";

// A text that is equal for equal templates; the hash label does not count.
std::string template_text(const boost::json::object& spec);
// What tells versions apart in names and labels: of the template and of the times that a name was
// taken.
std::string template_hash(const std::string& text, int64_t collisions);
// "web-6c9f4b8d": the name of the set for that hash.
std::string set_name(const Object& deployment, const std::string& hash);

// The set of the present template, ready to be created.
boost::json::object new_set(const Object& deployment, const boost::json::object& value,
                            const std::string& hash, int64_t replicas, int64_t most,
                            int64_t revision);
// Whether a set takes this annotation over from its Deployment.
bool inherited(std::string_view annotation);

}  // namespace kubus::controllers::deployment
