// Kubernetes' protobuf bodies: the bytes, or "edit\n" BASE64 "\0" EDITS. What is read is a value
// that its kind takes or refuses, and the same each time.
#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;

void read(ByteView bytes) {
  auto value = codec::from_protobuf(bytes);
  auto twice = codec::from_protobuf(bytes);
  KUBUS_CHECK(value.ok() == twice.ok());
  if (!value) return;
  KUBUS_CHECK(*value == *twice);
  const auto& o = value->as_object();
  const auto* kind = schema::Registry::get().by_api_version(
      std::string_view(o.at("apiVersion").as_string()), std::string_view(o.at("kind").as_string()));
  if (kind == nullptr) return;
  if (auto object = codec::from_value(*kind, *value, nullptr))
    KUBUS_CHECK(codec::verify(*kind, *object));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  read({data, size});
  if (in.line() != "edit") return 0;
  auto bytes = codec::from_base64(in.until('\0'));
  if (!bytes) return 0;
  fuzz::edit(&*bytes, in.rest());
  read(*bytes);
  return 0;
}
