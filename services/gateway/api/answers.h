// Answers that every handler gives alike: JSON bodies, Status objects, errors.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "schemas/lib/base/result.h"
#include "services/gateway/api/path.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

// metav1.Status for an error. details name the resource, for kInvalid its kind.
boost::json::object status_of(const Error& error, const ResourcePath& path);

void answer_error(Exchange& exchange, const Error& error, const ResourcePath& path = {});
void answer_json(Exchange& exchange, int status, std::string body, Headers headers = {});
void answer_text(Exchange& exchange, int status, std::string text);
// A body that rarely changes: with ETag, Vary and 304 when the client has it. A 304 has no
// Content-Type, because clients would take it for the cached body's.
void answer_cacheable(Exchange& exchange, std::string_view content_type, const std::string& body);

}  // namespace kubus::gateway
