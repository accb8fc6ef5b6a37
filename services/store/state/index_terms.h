// What the index holds of an object, beside its age and what its changes led to.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/object.h"

namespace kubus::store {

// The keys, without the object's number behind, sorted. `node`: on whose lane it rides; references
// count only then.
std::vector<std::string> index_terms(std::span<const std::string> owners, std::string_view node,
                                     std::span<const ObjectKey> references);
// What stands at such a key; `key`: the object's own.
std::string_view term_value(std::string_view term, std::string_view key, std::string_view node);

}  // namespace kubus::store
