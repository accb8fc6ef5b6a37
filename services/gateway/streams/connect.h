// Requests for byte streams: what a URL of pods/log, exec, attach or portforward asks the store.
#pragma once

#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/base/result.h"
#include "services/gateway/api/path.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

bool is_stream(const ResourcePath& path);

// kBadRequest: an option that cannot be read. `now_ns`: options may be relative to it.
Result<wire::RequestT> connect_request(const HttpRequest& request, const ResourcePath& path,
                                       int64_t now_ns);

}  // namespace kubus::gateway
