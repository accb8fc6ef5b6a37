// Field sets in their compact form, as objects carry them: the bytes. What is read writes the same.
#include <boost/json/value.hpp>

#include "schemas/lib/patch/fieldset.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kubus;
  auto fields = patch::FieldSet::from_compact({data, size});
  if (!fields) return 0;
  Buffer compact;
  fields->to_compact(&compact);
  auto again = patch::FieldSet::from_compact(compact);
  KUBUS_CHECK(again && *again == *fields);
  fields->to_fields_v1();
  fields->paths(64);
  KUBUS_CHECK(fields->without(*fields).empty());
  KUBUS_CHECK(fields->united(*fields) == *fields && fields->common(*fields) == *fields);
  return 0;
}
