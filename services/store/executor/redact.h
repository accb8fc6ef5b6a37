// Takes values out of objects: those at some paths, or everything but the object's identity; and
// copies of them wherever they stand, as in the annotation of a client's last apply.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "schemas/lib/schema/registry.h"
#include "services/store/state/purge.h"

namespace kubus::store {

inline constexpr std::string_view kPurgedText = "[purged]";

// "data.password", "spec.containers[name=web].env[0].value", "data[app.conf]"; behind a map all the
// rest is the key. No paths: everything but the identity. kBadRequest names a path that the kind
// does not have.
Result<std::shared_ptr<const Redactor>> redactor_of(const schema::KindInfo& kind,
                                                    std::vector<std::string> paths);

}  // namespace kubus::store
