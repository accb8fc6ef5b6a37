// Requests as components make them: the envelope filled in.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "bus/kit/client.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::kit {

// One operation on `key` (name may be empty: the collection).
wire::RequestT request_for(wire::Verb verb, const ObjectKey& key);
// Sets cause and fence.
void stamp(const WriteOptions& options, wire::RequestT* request);
// stamp(), and preconditions, subresource and field manager of the one operation.
void set_options(const WriteOptions& options, wire::RequestT* request);
// `value` is encoded strictly: an unknown field is kBadRequest. With a subresource, its body's kind
// is used, and metadata.name names the object.
Result<wire::RequestT> create_request(const schema::KindInfo& kind, std::string_view ns,
                                      const boost::json::value& value, const WriteOptions& options);
wire::RequestT merge_patch_request(const ObjectKey& key, std::string_view patch,
                                   const WriteOptions& options);
wire::RequestT delete_request(const ObjectKey& key, std::optional<int64_t> grace_seconds,
                              const WriteOptions& options);
wire::RequestT events_after_request(const bus::LaneId& lane, Revision after);

}  // namespace kubus::kit
