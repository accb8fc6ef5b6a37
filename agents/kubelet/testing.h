// Objects from JSON, for tests.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/object.h"

namespace kubus::kubelet {

inline Object object_of(std::string_view resource, std::string_view json) {
  const auto* kind = schema::Registry::get().by_resource("", resource);
  std::vector<codec::Problem> problems;
  auto bytes = codec::from_json(*kind, json, &problems);
  if (!bytes || !problems.empty()) throw std::runtime_error("malformed: " + std::string(json));
  return *Object::from(*kind, Payload(*std::move(bytes)));
}

}  // namespace kubus::kubelet
