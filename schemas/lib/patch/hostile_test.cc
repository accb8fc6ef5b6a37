// Patches and applied objects come as clients sent them: any JSON at all. Whatever they are, they
// are refused or merged, and field sets of them survive their compact form.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <random>

#include "schemas/lib/patch/ownership.h"
#include "schemas/lib/patch/patch.h"

namespace kubus::patch {
namespace {

constexpr const char* kDeployment =
    R"({"metadata":{"name":"d","labels":{"a":"b"},"finalizers":["x/y"]},
  "spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"spec":{"containers":[
    {"name":"c","image":"x","env":[{"name":"A","value":"1"}],"ports":[{"containerPort":80,"protocol":"TCP"}]},
    {"name":"d","image":"y"}],"volumes":[{"name":"v","emptyDir":{}}],"tolerations":[{"key":"k"}]}}}})";

constexpr const char* kPatch =
    R"({"metadata":{"labels":{"a":null,"q":"1"},"$deleteFromPrimitiveList/finalizers":["x/y"]},
  "spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"d"},{"name":"c"}],"containers":[
    {"name":"c","env":[{"$patch":"replace"},{"name":"Z"}]},{"name":"n","$patch":"delete"}],
    "volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/"}}]}}}})";

using Random = std::mt19937;

json::value oddity(Random& random) {
  static const std::vector<json::value> kOdd = {nullptr,
                                                0,
                                                -1,
                                                1.5,
                                                true,
                                                "",
                                                "c",
                                                json::array{},
                                                json::object{},
                                                json::array{nullptr, 1, "x"},
                                                json::object{{"name", 7}},
                                                json::object{{"$patch", "delete"}},
                                                json::object{{"name", json::object{}}}};
  return kOdd[random() % kOdd.size()];
}

// Replaces values here and there.
void spoil(json::value& v, Random& random) {
  if (random() % 12 == 0) {
    v = oddity(random);
  } else if (json::object* o = v.if_object()) {
    for (auto& entry : *o) spoil(entry.value(), random);
  } else if (json::array* a = v.if_array()) {
    for (json::value& e : *a) spoil(e, random);
    if (random() % 8 == 0) a->push_back(oddity(random));
  }
}

json::value spoiled(const char* text, Random& random) {
  json::value v = json::parse(text);
  spoil(v, random);
  return v;
}

void expect_compact_round_trip(const FieldSet& set) {
  Buffer bytes;
  set.to_compact(&bytes);
  Result<FieldSet> back = FieldSet::from_compact(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, set);
}

TEST(Hostile, AnyShapeIsRefusedOrMerged) {
  const schema::KindInfo& kind = *schema::Registry::get().by_kind("apps", "v1", "Deployment");
  Random random(1);
  int refused = 0, merged = 0;
  for (int round = 0; round < 3000; ++round) {
    json::value doc = spoiled(kDeployment, random), patch = spoiled(kPatch, random), before = doc;
    bool ok = strategic_merge(*kind.type, doc, patch).ok();
    ok ? ++merged : ++refused;
    if (!ok) {
      EXPECT_EQ(doc, before);
    }
    expect_compact_round_trip(FieldSet::changed(*kind.type, before, doc));
    expect_compact_round_trip(FieldSet::removed(*kind.type, before, doc));
    EXPECT_TRUE(FieldSet::changed(*kind.type, doc, doc).empty());
    merge_patch(doc, patch);
    std::vector<Manager> managers;
    note_update(kind, nullptr, before, {"one", false, "apps/v1", 1, "", {}}, &managers);
    json::value live = before.is_object() ? before : json::value(json::object());
    (void)apply(kind, live, patch, {"two", true, "apps/v1", 2, "", {}}, true, &managers).ok();
    (void)apply(kind, live, doc, {"two", true, "apps/v1", 3, "", {}}, false, &managers).ok();
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(merged, 100);
}

}  // namespace
}  // namespace kubus::patch
