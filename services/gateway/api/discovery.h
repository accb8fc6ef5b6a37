// What the server offers: /version, /api, /apis and below, in the plain and the aggregated form.
#pragma once

#include "services/gateway/http/http.h"

namespace kubus::gateway {

// Answers if the path is one of discovery's; false otherwise.
bool answer_discovery(Exchange& exchange);

}  // namespace kubus::gateway
