// Request bodies: JSON, YAML and Kubernetes protobuf into what the store takes.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"
#include "services/gateway/api/path.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

struct ObjectBody {
  Buffer object;  // a FlatBuffer of `kind`
  const schema::KindInfo* kind = nullptr;
  std::string name;                   // metadata.name, if any
  std::vector<std::string> problems;  // what strict decoding objects to
};

// The kind of body that a write to this path carries: the resource's own, or its subresource's
// (Scale, Binding, …).
const schema::KindInfo* body_kind(const ResourcePath& path);

// kUnsupportedMediaType, kBadRequest with the reason. A body without apiVersion and kind is taken
// to be of the path's kind.
Result<ObjectBody> read_object(const HttpRequest& request, const ResourcePath& path);
// A body of any type as a value (DeleteOptions, patches). null if empty.
Result<boost::json::value> read_value(const HttpRequest& request);

}  // namespace kubus::gateway
