// Builds wire::Event buffers.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <string_view>

#include "schemas/lib/base/bytes.h"
#include "services/store/state/batch.h"

namespace kubus::store {

struct EventLinks {
  uint64_t revision = 0;
  int64_t time_ns = 0;
  uint64_t resource = 0, ns = 0, object = 0, node = 0;  // the revision before in each lane
};

// The buffer lies in `builder` until its next use. Nested objects are aligned to 8 within it.
ByteView build_event(flatbuffers::FlatBufferBuilder* builder, const Change& change,
                     const Origin& origin, const EventLinks& links);

// A notice to `node`, made from the record's event.
Buffer build_notice(ByteView event, std::string_view node, uint64_t previous_node);

// The same without the object: who, when, why and which fields.
Buffer without_object(ByteView event);
void strip_objects(std::vector<Payload>* events);

}  // namespace kubus::store
