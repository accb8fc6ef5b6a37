// OpenAPI v3, derived from the schemas: the index and a document per group and version.
#pragma once

#include "services/gateway/http/http.h"

namespace kubus::gateway {

// Answers if the path is one of OpenAPI's; false otherwise.
bool answer_openapi(Exchange& exchange);

}  // namespace kubus::gateway
