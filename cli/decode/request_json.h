// Requests of the bus as JSON. Pure.
#pragma once

#include <boost/json/object.hpp>

#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/base/bytes.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::cli {

// The kind of what an operation sends, or of what answers it; null: it is unknown here.
const schema::KindInfo* kind_of(const wire::Operation& op);
const schema::KindInfo* body_kind_of(const wire::Operation& op);

// A verified request. What is empty is left out.
boost::json::object request_json(const wire::Request& request, bool with_secrets);

// A body as JSON, or how many bytes it has: of an unknown kind, of a confidential one unless
// `with_secrets` (then its metadata), or malformed.
boost::json::value body_json(const schema::KindInfo* kind, ByteView bytes, bool with_secrets);

}  // namespace kubus::cli
