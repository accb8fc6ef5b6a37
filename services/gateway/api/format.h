// In which shape a client wants objects, and how each shape is written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

enum class Shape : uint8_t { kObject, kTable, kPartial };
enum class Include : uint8_t {
  kNone,
  kMetadata,
  kObject
};  // what a Table's rows carry of the object

struct Format {
  Shape shape = Shape::kObject;
  Include include = Include::kMetadata;
  friend auto operator<=>(const Format&, const Format&) = default;
};

// By the Accept header and includeObject. kNotAcceptable if nothing that the client takes can be
// written.
Result<Format> negotiate(const HttpRequest& request);

struct ListMeta {
  Revision revision;
  std::string continue_token;
  std::optional<uint64_t> remaining;
};

// One object as the answer of a get or a write.
std::string write_object(const Object& object, const Format& format, int64_t now_unix_seconds);
std::string write_list(const schema::KindInfo& kind, const std::vector<Object>& items,
                       const ListMeta& meta, const Format& format, int64_t now_unix_seconds);
// The `object` of a watch frame; column definitions only if `columns`.
std::string write_frame_object(const Object& object, const Format& format, bool columns,
                               int64_t now_unix_seconds);
// The `object` of a bookmark. `initial_end`: the list part of a watch is complete.
std::string write_bookmark(const schema::KindInfo& kind, Revision revision, bool initial_end,
                           const Format& format);

}  // namespace kubus::gateway
