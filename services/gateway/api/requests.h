// Translates an HTTP request about a resource into one wire::Operation on behalf of its client.
#pragma once

#include <memory>
#include <string>

#include "schemas/lib/base/result.h"
#include "services/gateway/api/path.h"
#include "services/gateway/http/http.h"

namespace kubus::wire {
struct RequestT;
struct OperationT;
}  // namespace kubus::wire

namespace kubus::gateway {

// The verb by method, name and query: "get", "list", "watch", "create", "update", "patch",
// "delete", "deletecollection";
// "" if the method means nothing there.
std::string verb_of(const HttpRequest& request, const ResourcePath& path);

// The whole request, with identity, dry run, validation mode, body, options. kBadRequest,
// kUnsupportedMediaType, … name what is the matter.
Result<wire::RequestT> translate(const HttpRequest& request, const ResourcePath& path,
                                 const std::string& verb);

// Who the request is made for.
void set_identity(const HttpRequest& request, wire::RequestT* out);

// A resourceVersion of a query: 0 if absent. kBadRequest if it is no number.
Result<Revision> revision_of(const HttpRequest& request);

}  // namespace kubus::gateway
