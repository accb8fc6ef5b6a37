#include "agents/kubelet/pods/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/kubelet/testing.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

const PodFacts kFacts{"10.1.0.7", "192.0.2.1", "n1"};

Object pod_with(const std::string& container_fields) {
  return object_of("pods",
                   R"({"metadata":{"name":"web","namespace":"shop","uid":"u1","labels":{"app":"x"},
          "annotations":{"b":"2","a":"say \"hi\"\nand go"}},
          "spec":{"serviceAccountName":"sa","containers":[{"name":"c","image":"i",
          "resources":{"limits":{"cpu":"1500m","memory":"64Mi"}},)" +
                       container_fields + "}]}}");
}

const core::v1::Container& first(const Object& pod) {
  return *pod.as<core::v1::Pod>()->spec()->containers()->Get(0);
}

Object source(const RefKey& key) {
  if (key == RefKey{"configmaps", "settings"})
    return object_of("configmaps",
                     R"({"metadata":{"name":"settings"},"data":{"A":"1","B":"2","no=name":"x"}})");
  if (key == RefKey{"secrets", "keys"})
    return object_of("secrets", R"({"metadata":{"name":"keys"},"data":{"TOKEN":"aGVsbG8="}})");
  return {};
}

Result<Environment> environment(const std::string& container_fields) {
  Object pod = pod_with(container_fields);
  return environment_of(pod, first(pod), kFacts, source);
}

TEST(Environment, FieldsOfThePod) {
  struct Case {
    std::string path, value;
  };
  for (const Case& c : {Case{"metadata.name", "web"}, Case{"metadata.namespace", "shop"},
                        Case{"metadata.uid", "u1"}, Case{"metadata.labels['app']", "x"},
                        Case{"metadata.labels['none']", ""}, Case{"spec.nodeName", "n1"},
                        Case{"metadata.annotations", "a=\"say \\\"hi\\\"\\nand go\"\nb=\"2\""},
                        Case{"spec.serviceAccountName", "sa"}, Case{"status.podIP", "10.1.0.7"},
                        Case{"status.hostIP", "192.0.2.1"}}) {
    auto e = environment(R"("env":[{"name":"V","valueFrom":{"fieldRef":{"fieldPath":")" + c.path +
                         R"("}}}])");
    ASSERT_TRUE(e) << c.path << ": " << e.error().message;
    EXPECT_THAT(*e, ElementsAre(Pair("V", c.value))) << c.path;
  }
}

TEST(Environment, AnUnknownFieldIsRefusedByName) {
  for (const char* path : {"spec.nothing", "metadata.labels[app]", "metadata.labels['", ""}) {
    auto e = environment(R"("env":[{"name":"V","valueFrom":{"fieldRef":{"fieldPath":")" +
                         std::string(path) + R"("}}}])");
    ASSERT_FALSE(e) << path;
    EXPECT_THAT(e.error().message, HasSubstr("variable V"));
  }
}

TEST(Environment, ResourcesRoundUpToTheDivisor) {
  auto text = [](const std::string& resource, const std::string& divisor) {
    auto e = environment(R"("env":[{"name":"V","valueFrom":{"resourceFieldRef":{"resource":")" +
                         resource + R"(","divisor":")" + divisor + R"("}}}])");
    return e ? e->at(0).second : e.error().message;
  };
  EXPECT_EQ(text("limits.cpu", "1"), "2");
  EXPECT_EQ(text("limits.cpu", "1m"), "1500");
  EXPECT_EQ(text("limits.memory", "1Mi"), "64");
  EXPECT_EQ(text("limits.memory", "0"), "67108864");
  EXPECT_EQ(text("requests.cpu", "1"), "0");
  EXPECT_THAT(text("limits", "1"), HasSubstr("sets no limits"));
}

TEST(Environment, SourcesComeFirstAndLaterOnesWin) {
  auto e = environment(R"j("envFrom":[{"prefix":"P_","configMapRef":{"name":"settings"}},
      {"secretRef":{"name":"keys"}},{"secretRef":{"name":"gone","optional":true}}],
      "env":[{"name":"P_B","value":"3"},{"name":"ALL","value":"$(P_A)$(P_B)$(TOKEN)$(LATER)$$(P_A)"},
             {"name":"LATER","value":"x"}])j");
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_THAT(*e, ElementsAre(Pair("P_A", "1"), Pair("P_B", "3"), Pair("TOKEN", "hello"),
                              Pair("ALL", "13hello$(LATER)$(P_A)"), Pair("LATER", "x")));
}

TEST(Environment, WhatIsMissingIsNamedUnlessOptional) {
  auto key = [](const std::string& source, const std::string& rest) {
    return environment(R"("env":[{"name":"V","valueFrom":{")" + source + R"(":{)" + rest + "}}}]");
  };
  auto e = key("configMapKeyRef", R"("name":"settings","key":"C")");
  ASSERT_FALSE(e);
  EXPECT_EQ(e.error().message, "variable V: ConfigMap \"settings\" has no key \"C\"");
  e = key("secretKeyRef", R"("name":"gone","key":"C")");
  ASSERT_FALSE(e);
  EXPECT_EQ(e.error().message, "variable V: Secret \"gone\" does not exist");
  EXPECT_EQ(e.error().code, Code::kNotFound);
  e = key("secretKeyRef", R"("name":"gone","key":"C","optional":true)");
  ASSERT_TRUE(e);
  EXPECT_THAT(*e, IsEmpty());
  EXPECT_FALSE(environment(R"("envFrom":[{"configMapRef":{"name":"gone"}}])"));
}

TEST(Environment, References) {
  Object pod = pod_with(R"("envFrom":[{"configMapRef":{"name":"a"}},{"secretRef":{"name":"b"}}],
      "env":[{"name":"V","valueFrom":{"configMapKeyRef":{"name":"c","key":"k"}}},
             {"name":"W","valueFrom":{"secretKeyRef":{"name":"b","key":"k"}}},{"name":"X"}])");
  std::set<RefKey> found;
  environment_references(first(pod), &found);
  EXPECT_EQ(found, (std::set<RefKey>{{"configmaps", "a"}, {"configmaps", "c"}, {"secrets", "b"}}));
}

TEST(Expand, KeepsWhatItDoesNotKnow) {
  std::map<std::string, std::string> v{{"A", "1"}, {"EMPTY", ""}};
  for (auto [in, out] : std::map<std::string, std::string>{{"", ""},
                                                           {"$", "$"},
                                                           {"$$", "$"},
                                                           {"$A", "$A"},
                                                           {"$(A", "$(A"},
                                                           {"$(A)", "1"},
                                                           {"$$(A)", "$(A)"},
                                                           {"$$$(A)", "$1"},
                                                           {"$(B)-$(EMPTY)-", "$(B)--"},
                                                           {"$()", "$()"}}) {
    EXPECT_EQ(expand(in, v), out) << in;
  }
  EXPECT_THAT(expand_all({"$(A)", "x"}, {{"A", "1"}}), ElementsAre("1", "x"));
}

}  // namespace
}  // namespace kubus::kubelet
