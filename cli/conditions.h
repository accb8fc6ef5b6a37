// What `kubus wait --for` means. Pure.
#pragma once

#include <functional>
#include <string>

#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::cli {

// "condition=Ready", "condition=Ready=false", "jsonpath={.status.phase}=Running",
// "jsonpath=.status.podIP" (any value), "delete", "create". Of an Object as it stands; an empty
// one: there is none. kBadRequest says what is accepted.
Result<std::function<bool(const Object&)>> parse_condition(const std::string& text);

}  // namespace kubus::cli
