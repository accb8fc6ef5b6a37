#include "schemas/lib/object.h"

#include <gtest/gtest.h>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus {
namespace {

const schema::KindInfo& kind(const char* group, const char* resource) {
  return *schema::Registry::get().by_resource(group, resource);
}

Payload encoded(const schema::KindInfo& kind, std::string_view json) {
  auto bytes = codec::from_json(kind, json, nullptr);
  EXPECT_TRUE(bytes.ok()) << (bytes.ok() ? "" : bytes.error().message);
  return bytes.ok() ? Payload(std::move(*bytes)) : Payload();
}

Object object(const char* group, const char* resource, std::string_view json) {
  const schema::KindInfo& k = kind(group, resource);
  auto made = Object::from(k, encoded(k, json));
  EXPECT_TRUE(made.has_value());
  return made.value_or(Object());
}

Object pod() {
  return object("", "pods", R"({"metadata":{"name":"web","namespace":"shop","uid":"u-1",
    "resourceVersion":"42","generation":3,"labels":{"b":"2","a":"1","c":""},
    "annotations":{"x/y":"z"}},
    "spec":{"nodeName":"n1","hostNetwork":true,"containers":[{"name":"c","image":"i"}]},
    "status":{"phase":"Running","podIP":"10.0.0.1"}})");
}

TEST(Object, ShowsItsMetadata) {
  Object o = pod();
  EXPECT_TRUE(o);
  EXPECT_EQ(o.name(), "web");
  EXPECT_EQ(o.ns(), "shop");
  EXPECT_EQ(o.uid(), "u-1");
  EXPECT_EQ(o.revision(), Revision(42));
  EXPECT_EQ(o.generation(), 3);
  EXPECT_FALSE(o.terminating());
  EXPECT_EQ(o.key().str(), "pods/shop/web");
  EXPECT_EQ(o.as<core::v1::Pod>()->spec()->containers()->size(), 1u);
}

TEST(Object, LooksUpLabelsAndAnnotations) {
  Object o = pod();
  EXPECT_EQ(o.label("a"), "1");
  EXPECT_EQ(o.label("b"), "2");
  EXPECT_EQ(o.label("c"), "");
  EXPECT_EQ(o.label("d"), std::nullopt);
  EXPECT_EQ(o.label(""), std::nullopt);
  EXPECT_EQ(o.annotation("x/y"), "z");
}

TEST(Object, BareMetadataReadsAsEmpty) {
  Object o = object("", "namespaces", R"({"metadata":{"name":"shop","deletionTimestamp":
    "2026-11-23T05:00:00Z"}})");
  EXPECT_EQ(o.ns(), "");
  EXPECT_EQ(o.uid(), "");
  EXPECT_EQ(o.revision(), Revision());
  EXPECT_EQ(o.label("a"), std::nullopt);
  EXPECT_TRUE(o.terminating());
  EXPECT_EQ(o.key().str(), "namespaces/shop");
}

TEST(Object, FieldsBySelectablePath) {
  Object o = pod();
  EXPECT_EQ(o.field("spec.nodeName"), "n1");
  EXPECT_EQ(o.field("spec.hostNetwork"), "true");
  EXPECT_EQ(o.field("status.podIP"), "10.0.0.1");
  EXPECT_EQ(o.field("status.nominatedNodeName"), std::nullopt);
  EXPECT_EQ(o.field("metadata.name"), "web");
  EXPECT_EQ(o.field("spec.containers"), std::nullopt);
  EXPECT_EQ(o.field("spec.nope"), std::nullopt);
  EXPECT_EQ(o.field("spec.nodeName.more"), std::nullopt);
  EXPECT_EQ(o.field(""), std::nullopt);
}

// Every path that a kind declares leads to a scalar of it (or to an Event's source).
TEST(Object, EverySelectablePathIsAField) {
  for (const auto& k : schema::Registry::get().kinds()) {
    for (const std::string& path : k->selectable) {
      const schema::TypeInfo* type = k->type;
      const schema::FieldInfo* f = nullptr;
      for (std::string_view rest = path; type != nullptr && !rest.empty();) {
        f = type->find(rest.substr(0, rest.find('.')));
        ASSERT_NE(f, nullptr) << k->kind << " " << path;
        type = f->type;
        rest.remove_prefix(
            std::min(rest.size(), rest.find('.') == rest.npos ? rest.size() : rest.find('.') + 1));
      }
      ASSERT_NE(f, nullptr);
      EXPECT_TRUE(f->type == nullptr || path == "source") << k->kind << " " << path;
      EXPECT_FALSE(f->is_list || f->is_map) << k->kind << " " << path;
    }
  }
}

TEST(Object, SourceOfAnEventIsItsComponent) {
  Object o = object("", "events", R"({"metadata":{"name":"e","namespace":"shop"},
    "involvedObject":{"kind":"Pod","name":"web"},"source":{"component":"kubelet"}})");
  EXPECT_EQ(o.field("source"), "kubelet");
  EXPECT_EQ(o.field("involvedObject.name"), "web");
}

TEST(Object, RefusesWhatIsNoObject) {
  const schema::KindInfo& pods = kind("", "pods");
  EXPECT_FALSE(Object::from(pods, Payload()));
  EXPECT_FALSE(Object::from(pods, Payload(Buffer{1, 2, 3})));
  EXPECT_FALSE(Object::from(pods, Payload(Buffer(64, 0xff))));
  EXPECT_FALSE(Object::from(pods, encoded(pods, "{}"))) << "no metadata";
  Payload whole = pod().payload();
  for (size_t cut = 1; cut < whole.size(); cut += 7) {
    auto o = Object::from(pods, Payload::copy_of(whole.view().first(whole.size() - cut)));
    EXPECT_TRUE(!o || o->name().size() <= whole.size()) << "whatever passes can be read";
  }
}

TEST(ObjectKey, OrdersByKindNamespaceName) {
  const schema::KindInfo &ns = kind("", "namespaces"), &pods = kind("", "pods");
  ObjectKey a{&ns, "", "z"}, b{&pods, "a", "z"}, c{&pods, "b", "a"}, d{&pods, "b", "b"};
  EXPECT_LT(a, b);
  EXPECT_LT(b, c);
  EXPECT_LT(c, d);
  EXPECT_EQ(c, (ObjectKey{&pods, "b", "a"}));
  EXPECT_EQ((ObjectKey{}).str(), "?/");
}

}  // namespace
}  // namespace kubus
