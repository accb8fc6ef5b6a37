#include "schemas/lib/schema/registry.h"

#include <gtest/gtest.h>

#include <set>

namespace kubus::schema {
namespace {

const Registry& registry() {
  return Registry::get();
}

const TypeInfo& type(const char* name) {
  const TypeInfo* found = registry().type(name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

const FieldInfo& field(const char* of, const char* name) {
  const FieldInfo* found = type(of).find(name);
  EXPECT_NE(found, nullptr) << of << "." << name;
  return *found;
}

TEST(Registry, FindsKindsByAllTheirNames) {
  const KindInfo* pod = registry().by_kind("", "v1", "Pod");
  ASSERT_NE(pod, nullptr);
  EXPECT_EQ(registry().by_resource("", "pods"), pod);
  EXPECT_EQ(registry().by_api_version("v1", "Pod"), pod);
  EXPECT_EQ(registry().by_number(pod->number), pod);
  for (const char* word : {"pods", "pod", "po", "Pod", "POD"})
    EXPECT_EQ(registry().by_user_word(word), pod) << word;
  const KindInfo* deployment = registry().by_api_version("apps/v1", "Deployment");
  ASSERT_NE(deployment, nullptr);
  EXPECT_EQ(registry().by_user_word("deploy.apps"), deployment);
  EXPECT_EQ(deployment->qualified_resource(), "deployments.apps");
  EXPECT_EQ(deployment->api_version(), "apps/v1");
}

TEST(Registry, UnknownNamesFindNothing) {
  EXPECT_EQ(registry().by_kind("apps", "v1", "Pod"), nullptr);
  EXPECT_EQ(registry().by_resource("", "Pods"), nullptr);
  EXPECT_EQ(registry().by_api_version("", ""), nullptr);
  EXPECT_EQ(registry().by_api_version("apps/v2", "Deployment"), nullptr);
  EXPECT_EQ(registry().by_number(0), nullptr);
  EXPECT_EQ(registry().by_number(65535), nullptr);
  EXPECT_EQ(registry().by_user_word(""), nullptr);
  EXPECT_EQ(registry().by_user_word("pods.apps"), nullptr);
  EXPECT_EQ(registry().by_user_word("."), nullptr);
  EXPECT_EQ(registry().type("Pod"), nullptr);
}

TEST(Registry, BodiesOfSubresourcesAreNoResources) {
  const KindInfo* scale = registry().by_kind("autoscaling", "v1", "Scale");
  ASSERT_NE(scale, nullptr);
  EXPECT_FALSE(scale->stored);
  EXPECT_EQ(registry().by_user_word("scale"), nullptr);
  const KindInfo* deployment = registry().by_resource("apps", "deployments");
  ASSERT_NE(deployment->subresource("scale"), nullptr);
  EXPECT_EQ(deployment->subresource("scale")->kind, "Scale");
  EXPECT_EQ(deployment->subresource("nope"), nullptr);
  EXPECT_TRUE(deployment->has_status);
  EXPECT_FALSE(registry().by_resource("", "configmaps")->has_status);
}

// Numbers are part of the store's keys: a changed one would lose objects.
TEST(Registry, NumbersAreUniqueAndStay) {
  std::set<uint16_t> numbers;
  for (const auto& kind : registry().kinds())
    EXPECT_TRUE(numbers.insert(kind->number).second) << kind->kind;
  EXPECT_EQ(registry().by_resource("", "namespaces")->number, 1);
  EXPECT_EQ(registry().by_resource("", "pods")->number, 3);
  EXPECT_EQ(registry().by_resource("", "secrets")->number, 7);
  EXPECT_EQ(registry().by_resource("apps", "replicasets")->number, 11);
  EXPECT_EQ(registry().by_resource("coordination.k8s.io", "leases")->number, 13);
}

TEST(Registry, EveryKindHasItsMetadataFirst) {
  for (const auto& kind : registry().kinds()) {
    ASSERT_FALSE(kind->type->fields.empty());
    EXPECT_EQ(kind->type->fields[0].name, "metadata") << kind->kind;
    EXPECT_EQ(kind->type->fields[0].type, registry().type("kubus.meta.v1.ObjectMeta"));
    EXPECT_EQ(kind->confidential, kind->kind == "Secret" || kind->kind == "User");
  }
}

TEST(Registry, FieldsStandAtTheirIds) {
  for (const auto& kind : registry().kinds()) {
    for (size_t i = 0; i < kind->type->fields.size(); ++i) {
      const FieldInfo& f = kind->type->fields[i];
      EXPECT_EQ(f.id, i);
      EXPECT_EQ(f.voffset, 4 + 2 * i);
      EXPECT_EQ(kind->type->find(f.name), &f);
    }
  }
}

TEST(Registry, NamesOfFields) {
  EXPECT_EQ(field("kubus.core.v1.PodStatus", "podIPs").fb_name, "pod_ips");
  EXPECT_EQ(field("kubus.core.v1.PodSpec", "hostPID").fb_name, "host_pid");
  EXPECT_EQ(type("kubus.core.v1.PodSpec").find("host_pid"), nullptr);
  EXPECT_EQ(type("kubus.core.v1.PodSpec").find(""), nullptr);
}

TEST(Registry, NearestName) {
  const TypeInfo& spec = type("kubus.core.v1.PodSpec");
  EXPECT_EQ(spec.nearest("contaners"), "containers");
  EXPECT_EQ(spec.nearest("nodename"), "nodeName");
  EXPECT_EQ(spec.nearest("zzzzzzzz"), "");
  EXPECT_EQ(type("kubus.apps.v1.DeploymentSpec").nearest("replicass"), "replicas");
}

TEST(Registry, KindsOfValues) {
  EXPECT_EQ(field("kubus.meta.v1.ObjectMeta", "resourceVersion").kind, ValueKind::kDecimal);
  EXPECT_EQ(field("kubus.meta.v1.ObjectMeta", "creationTimestamp").kind, ValueKind::kTime);
  EXPECT_EQ(field("kubus.meta.v1.ManagedFieldsEntry", "fieldsV1").kind, ValueKind::kFieldSet);
  EXPECT_EQ(field("kubus.coordination.v1.LeaseSpec", "renewTime").kind, ValueKind::kMicroTime);
  EXPECT_EQ(field("kubus.core.v1.ServicePort", "targetPort").kind, ValueKind::kIntOrString);
  const FieldInfo& limits = field("kubus.core.v1.ResourceRequirements", "limits");
  EXPECT_TRUE(limits.is_map);
  EXPECT_EQ(limits.kind, ValueKind::kQuantity);
  EXPECT_EQ(limits.entry, registry().type("kubus.meta.v1.QuantityEntry"));
  EXPECT_EQ(field("kubus.core.v1.Secret", "data").kind, ValueKind::kBytes);
  EXPECT_TRUE(field("kubus.core.v1.PodSpec", "containers").is_list);
}

TEST(Registry, RulesOfFields) {
  const FieldInfo& replicas = field("kubus.apps.v1.DeploymentSpec", "replicas");
  EXPECT_EQ(replicas.default_value, 1);
  EXPECT_TRUE(replicas.keep_zero);
  EXPECT_EQ(replicas.minimum, 0.0);
  EXPECT_FALSE(replicas.maximum);
  EXPECT_EQ(field("kubus.core.v1.PodSpec", "restartPolicy").default_value, "Always");
  EXPECT_EQ(field("kubus.core.v1.EphemeralContainer", "terminationMessagePath").default_value,
            "/dev/termination-log");
  EXPECT_EQ(field("kubus.core.v1.Container", "name").format, "dns1123-label");
  EXPECT_TRUE(field("kubus.core.v1.Container", "resources").always);
  EXPECT_FALSE(field("kubus.core.v1.LocalObjectReference", "name").always);
  EXPECT_TRUE(field("kubus.core.v1.PodCondition", "lastProbeTime").always);
  EXPECT_TRUE(field("kubus.core.v1.PodSpec", "tolerations").list_keys.empty());
  EXPECT_FALSE(field("kubus.core.v1.HTTPHeader", "value").required);
  EXPECT_TRUE(field("kubus.core.v1.HTTPHeader", "value").listed_required);
  EXPECT_TRUE(field("kubus.core.v1.Service", "spec").type->needs_checks);
  EXPECT_FALSE(type("kubus.core.v1.EventSource").needs_checks);
}

TEST(Registry, MainFieldsAreDocumented) {
  for (const char* t : {"kubus.core.v1.PodSpec", "kubus.core.v1.Container",
                        "kubus.apps.v1.DeploymentSpec", "kubus.core.v1.ServicePort"}) {
    size_t documented = 0;
    for (const FieldInfo& f : type(t).fields) documented += !f.doc.empty();
    EXPECT_GE(documented * 10, type(t).fields.size() * 7) << t;
  }
}

}  // namespace
}  // namespace kubus::schema
