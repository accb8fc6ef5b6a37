// Patches and applies: "KIND\nDOCUMENT\nPATCH", both JSON, the document on one line. A patch
// changes the document whole or not at all, the same way each time; what an apply gives its manager
// is a field set that survives its compact form.
#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/patch/ownership.h"
#include "schemas/lib/patch/patch.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;
namespace json = boost::json;

template <class F>
void check_patch(const schema::KindInfo& kind, const json::value& doc, const F& patch) {
  json::value one = doc, two = doc;
  Status first = patch(one), second = patch(two);
  KUBUS_CHECK(first.ok() == second.ok());
  KUBUS_CHECK(one == two);
  if (!first.ok()) {
    KUBUS_CHECK(one == doc);
    return;
  }
  if (auto bytes = codec::from_value(kind, one, nullptr)) KUBUS_CHECK(codec::verify(kind, *bytes));
}

void check_managers(const std::vector<patch::Manager>& managers) {
  for (const patch::Manager& m : managers) {
    Buffer compact;
    m.fields.to_compact(&compact);
    auto again = patch::FieldSet::from_compact(compact);
    KUBUS_CHECK(again && *again == m.fields);
    auto shown = patch::FieldSet::from_fields_v1(m.fields.to_fields_v1());
    KUBUS_CHECK(shown && *shown == m.fields);
    m.fields.paths(64);
  }
}

// Applied onto nothing, then onto what another wrote.
void check_apply(const schema::KindInfo& kind, const json::value& doc, const json::value& applied) {
  if (!applied.is_object() || !codec::from_value(kind, applied, nullptr)) return;
  patch::Manager one{.name = "one", .apply = true, .api_version = kind.api_version()};
  patch::Manager other{.name = "other", .api_version = kind.api_version()};
  for (const json::value& live : {json::value(), doc}) {
    std::vector<patch::Manager> managers;
    if (live.is_object()) patch::note_update(kind, nullptr, live, other, &managers);
    for (bool force : {false, true}) {
      std::vector<patch::Manager> now = managers;
      auto merged = patch::apply(kind, live, applied, one, force, &now);
      KUBUS_CHECK(merged || !force || merged.error().code != Code::kConflict);
      if (!merged) continue;
      check_managers(now);
      // Applied again it changes nothing, and is in conflict with nobody who was overruled.
      auto again = patch::apply(kind, *merged, applied, one, force, &now);
      KUBUS_CHECK(again && *again == *merged);
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  const schema::KindInfo& kind = fuzz::kind_of(in.line());
  auto object = codec::from_json(kind, in.line(), nullptr);
  auto patch = codec::parse_json(in.rest(), nullptr);
  if (!object || !patch) return 0;
  json::value doc = codec::to_value(kind, *object);
  check_patch(kind, doc, [&](json::value& v) { return patch::json_patch(v, *patch); });
  if (auto fields = patch::FieldSet::from_fields_v1(*patch)) {
    auto again = patch::FieldSet::from_fields_v1(fields->to_fields_v1());
    KUBUS_CHECK(again && *again == *fields);
  }
  if (!patch->is_object()) return 0;
  check_patch(kind, doc, [&](json::value& v) {
    patch::merge_patch(v, *patch);
    return Status();
  });
  check_patch(kind, doc,
              [&](json::value& v) { return patch::strategic_merge(*kind.type, v, *patch); });
  check_apply(kind, doc, *patch);
  return 0;
}
