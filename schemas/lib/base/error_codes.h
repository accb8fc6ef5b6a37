// The one table that maps Code to the HTTP status and the `reason` of a Kubernetes Status.
#pragma once

#include <string_view>

#include "schemas/lib/base/result.h"

namespace kubus {

int http_status(Code code);                 // 404
std::string_view status_reason(Code code);  // "NotFound"
// The Code whose reason this is; kInternal for a reason that we do not know.
Code code_of_reason(std::string_view reason);

}  // namespace kubus
