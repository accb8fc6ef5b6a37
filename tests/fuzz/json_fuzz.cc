// JSON and YAML of objects: "KIND\nTEXT". What is accepted is well-formed, and what is written of
// it reads back as the same.
#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/yaml.h"
#include "schemas/lib/object.h"
#include "schemas/lib/table/table.h"
#include "schemas/lib/validation/validation.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;
namespace json = boost::json;

std::string text_of(const schema::KindInfo& kind, ByteView bytes) {
  std::string out;
  codec::to_json(kind, bytes, {}, &out);
  return out;
}

void check_object(const schema::KindInfo& kind, const Buffer& bytes) {
  KUBUS_CHECK(codec::verify(kind, bytes));
  std::string text = text_of(kind, bytes);
  std::vector<codec::Problem> problems;
  auto again = codec::from_json(kind, text, &problems);
  KUBUS_CHECK(again && problems.empty());
  KUBUS_CHECK(text_of(kind, *again) == text);
  json::value value = codec::to_value(kind, bytes);
  auto by_value = codec::from_value(kind, value, &problems);
  KUBUS_CHECK(by_value && problems.empty());
  KUBUS_CHECK(text_of(kind, *by_value) == text);
  if (auto object = Object::from(kind, Payload::copy_of(bytes)))
    table::cells(*object, 1'700'000'000);
  validation::apply_defaults(*kind.type, value);
  validation::FieldErrors errors;
  validation::check(*kind.type, value, "", &errors);
  // Defaults may meet what is wrong, never make what cannot be stored.
  KUBUS_CHECK(codec::from_value(kind, value, nullptr));
}

void check_yaml(const schema::KindInfo& kind, std::string_view text) {
  auto documents = codec::parse_yaml(text);
  if (!documents) return;
  for (const codec::Document& d : *documents) {
    std::string written = codec::to_yaml(d.value);
    auto again = codec::parse_yaml(written);
    KUBUS_CHECK(again && again->size() <= 1);
    if (again->size() == 1) KUBUS_CHECK(codec::to_yaml(again->front().value) == written);
    std::vector<codec::Problem> problems;
    if (auto bytes = codec::from_value(kind, d.value, &problems)) check_object(kind, *bytes);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  const schema::KindInfo& kind = fuzz::kind_of(in.line());
  std::vector<codec::Problem> problems;
  auto bytes = codec::from_json(kind, in.rest(), &problems);
  if (bytes) check_object(kind, *bytes);
  check_yaml(kind, in.rest());
  return 0;
}
