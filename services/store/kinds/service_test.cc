#include <gtest/gtest.h>

#include "services/store/kinds/testing.h"

namespace kubus::store::kinds {
namespace {

const KindInfo& service_kind() {
  return World::kind("", "Service");
}

json::value service(std::string_view spec) {
  return json::parse(R"({"metadata":{"name":"s"},"spec":)" + std::string(spec) + "}");
}

const json::object& spec_of(const json::object& o) {
  return object_in(o, "spec");
}

TEST(Service, WhatIsAllocatedIsGivenBack) {
  World w;
  json::object s =
      *w.create(service_kind(), service(R"({"type":"NodePort","ports":[{"port":80}]})"));
  EXPECT_EQ(w.allocator.addresses.size(), 1u);
  EXPECT_EQ(w.allocator.ports.size(), 1u);
  Context ctx = w.context(service_kind());
  release(ctx, s);
  EXPECT_TRUE(w.allocator.addresses.empty());
  EXPECT_TRUE(w.allocator.ports.empty());
}

TEST(Service, AReplacementKeepsAddressAndPort) {
  World w;
  json::object before =
      *w.create(service_kind(), service(R"({"type":"NodePort","ports":[{"port":80}]})"));
  Result<json::object> after =
      w.update(service_kind(), before,
               service(R"({"type":"NodePort","ports":[{"port":80,"name":"http"}]})"));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_TRUE(same(spec_of(before), spec_of(*after), "clusterIP"));
  EXPECT_EQ(number_in(object_of(array_in(spec_of(before), "ports")[0]), "nodePort"),
            number_in(object_of(array_in(spec_of(*after), "ports")[0]), "nodePort"));
  EXPECT_EQ(w.allocator.ports.size(), 1u);
}

TEST(Service, TypesComeAndGoWithWhatTheyHold) {
  World w;
  json::object s = *w.create(service_kind(), service(R"({"ports":[{"port":80}]})"));
  auto become = [&](std::string_view type, std::string_view more = "") {
    json::value next(s);
    next.at("spec").as_object()["type"] = type;
    if (!more.empty()) next.at("spec").as_object()["externalName"] = more;
    Result<json::object> r = w.update(service_kind(), s, next);
    EXPECT_TRUE(r) << r.error().message;
    if (r) s = *r;
  };
  become("NodePort");
  EXPECT_EQ(w.allocator.ports.size(), 1u);
  become("ClusterIP");
  EXPECT_TRUE(w.allocator.ports.empty());
  become("ExternalName", "a.b");
  EXPECT_TRUE(w.allocator.addresses.empty());
  EXPECT_FALSE(has(spec_of(s), "clusterIP"));
  become("ClusterIP");
  EXPECT_EQ(w.allocator.addresses.size(), 1u);
}

TEST(Service, AddressesAndPortsAreExclusive) {
  World w;
  auto cause = [&](std::string_view spec) {
    Result<json::object> r = w.create(service_kind(), service(spec));
    return r ? std::string("ok") : r.error().causes.at(0).field;
  };
  EXPECT_EQ(cause(R"({"clusterIP":"10.96.7.7","ports":[{"port":80}]})"), "ok");
  EXPECT_EQ(cause(R"({"clusterIP":"10.96.7.7","ports":[{"port":80}]})"), "spec.clusterIPs");
  EXPECT_EQ(cause(R"({"type":"NodePort","ports":[{"port":80,"nodePort":30500}]})"), "ok");
  EXPECT_EQ(cause(R"({"type":"NodePort","ports":[{"port":80,"nodePort":30500}]})"),
            "spec.ports[0].nodePort");
  EXPECT_EQ(
      cause(R"({"type":"NodePort","ports":[{"name":"a","port":53,"protocol":"TCP","nodePort":30600},
                                                  {"name":"b","port":53,"protocol":"UDP","nodePort":30600}]})"),
      "ok");
  EXPECT_EQ(cause(R"({"type":"ExternalName"})"), "spec.externalName");
}

}  // namespace
}  // namespace kubus::store::kinds
