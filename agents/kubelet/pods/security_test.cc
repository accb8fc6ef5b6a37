#include "agents/kubelet/pods/security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/kubelet/testing.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kGiB = 1 << 30;

Object pod_with(const std::string& spec, const std::string& container = "") {
  return object_of("pods", R"({"metadata":{"name":"web"},"spec":{)" + spec +
                               R"("containers":[{"name":"c","image":"i")" + container + "}]}}");
}

const core::v1::Container& first(const Object& pod) {
  return *pod.as<core::v1::Pod>()->spec()->containers()->Get(0);
}

Result<Security> security(const std::string& spec, const std::string& container = "",
                          const Image& image = {}) {
  Object pod = pod_with(spec.empty() ? "" : R"("securityContext":{)" + spec + "},",
                        container.empty() ? "" : R"(,"securityContext":{)" + container + "}");
  return security_of(*pod.as<core::v1::Pod>()->spec(), first(pod), image, "/no/profiles");
}

TEST(Security, TheContainersOwnSettingsWin) {
  auto s = security(R"("runAsUser":1,"runAsGroup":2,"supplementalGroups":[3],"fsGroup":4)",
                    R"("runAsUser":5,"allowPrivilegeEscalation":false,"procMount":"Unmasked")");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->run_as_user, 5);
  EXPECT_EQ(s->run_as_group, 2);
  EXPECT_THAT(s->supplemental_groups, ElementsAre(3, 4));
  EXPECT_TRUE(s->no_new_privileges);
  EXPECT_TRUE(s->unmasked);
  EXPECT_FALSE(security("")->unmasked);
  EXPECT_FALSE(security("")->no_new_privileges);
}

TEST(Security, WhoMustNotBeRootIsNot) {
  const char* must = R"("runAsNonRoot":true)";
  Image numbered, named;
  numbered.uid = 1000;
  named.user = "web";
  EXPECT_TRUE(security(must, "", numbered));
  EXPECT_TRUE(security(must, R"("runAsUser":7)"));
  EXPECT_TRUE(security(must, R"("runAsNonRoot":false)"));
  EXPECT_TRUE(security(must, R"("runAsUser":7)", named));
  EXPECT_THAT(security(must).error().message, HasSubstr("would run as root"));
  EXPECT_THAT(security(must, R"("runAsUser":0)", numbered).error().message, HasSubstr("root"));
  EXPECT_THAT(security(must, "", named).error().message, HasSubstr("cannot be checked"));
}

TEST(Security, AGroupAloneKeepsTheImagesUser) {
  Image named, numbered;
  named.user = "web";
  numbered.uid = 1000;
  EXPECT_EQ(security(R"("runAsGroup":5)", "", named)->run_as_username, "web");
  EXPECT_EQ(security(R"("runAsGroup":5)", "", numbered)->run_as_user, 1000);
  EXPECT_EQ(security(R"("runAsGroup":5)")->run_as_user, 0);
  EXPECT_FALSE(security("", "", numbered)->run_as_user);
}

TEST(Security, SeccompProfiles) {
  EXPECT_TRUE(security("")->unconfined);
  EXPECT_FALSE(security(R"("seccompProfile":{"type":"RuntimeDefault"})")->unconfined);
  EXPECT_TRUE(security(R"("seccompProfile":{"type":"RuntimeDefault"})",
                       R"("seccompProfile":{"type":"Unconfined"})")
                  ->unconfined);
  for (const char* name : {"none.json", "../../etc/passwd", "/etc/passwd"}) {
    auto s = security(R"("seccompProfile":{"type":"Localhost","localhostProfile":")" +
                      std::string(name) + "\"}");
    ASSERT_FALSE(s) << name;
    EXPECT_THAT(s.error().message, HasSubstr("no profile"));
  }
}

Resources resources(const std::string& fields, const std::string& quality = "") {
  Object pod = object_of(
      "pods", R"({"metadata":{"name":"web"},"spec":{"containers":[{"name":"c","resources":{)" +
                  fields + R"(}}]},"status":{"qosClass":")" + quality + "\"}}");
  return resources_of(pod, first(pod), kGiB);
}

TEST(Resources, BecomeSharesQuotaAndMemory) {
  Resources r = resources(R"("limits":{"cpu":"250m","memory":"64Mi"},"requests":{"cpu":"100m"})");
  EXPECT_EQ(r.cpu_shares, 102);
  EXPECT_EQ(r.cpu_quota_us, 25'000);
  EXPECT_EQ(r.memory_limit_bytes, 64 << 20);
  EXPECT_EQ(resources("").cpu_shares, 2);
  EXPECT_EQ(resources("").cpu_quota_us, 0);
  EXPECT_EQ(resources(R"("limits":{"cpu":"1m"})").cpu_quota_us, 1000);
  EXPECT_EQ(resources(R"("requests":{"cpu":"1000000"})").cpu_shares, 262'144);
}

TEST(Resources, QualityDecidesWhoGoesFirst) {
  EXPECT_EQ(resources(R"("limits":{"cpu":"1","memory":"1Mi"})", "Guaranteed").oom_score_adj, -997);
  EXPECT_EQ(resources("", "BestEffort").oom_score_adj, 1000);
  EXPECT_EQ(resources("").oom_score_adj, 1000);
  EXPECT_EQ(resources(R"("requests":{"memory":"512Mi"})", "Burstable").oom_score_adj, 500);
  EXPECT_EQ(resources(R"("requests":{"memory":"8Gi"})", "Burstable").oom_score_adj, 3);
  EXPECT_EQ(resources(R"("requests":{"cpu":"1"})", "Burstable").oom_score_adj, 999);
}

TEST(Refusal, NamesWhatThisNodeCannotDo) {
  EXPECT_TRUE(refusal_of(pod_with(R"("hostUsers":true,"os":{"name":"linux"},)")));
  EXPECT_TRUE(refusal_of(pod_with(
      R"("securityContext":{"sysctls":[{"name":"net/ipv4/tcp_syncookies","value":"1"}]},)")));
  for (
      auto [spec, words] : std::map<std::string, std::string>{
          {R"("os":{"name":"windows"},)", "windows"},
          {R"("runtimeClassName":"x",)", "runtimeClassName"},
          {R"("hostUsers":false,)", "hostUsers"},
          {R"("resourceClaims":[{"name":"x"}],)", "resourceClaims"},
          {R"("securityContext":{"supplementalGroupsPolicy":"Strict"},)", "Strict"},
          {R"("securityContext":{"appArmorProfile":{"type":"RuntimeDefault"}},)", "appArmor"},
          {R"("securityContext":{"sysctls":[{"name":"kernel.msgmax","value":"1"}]},)", "msgmax"},
          {R"("hostNetwork":true,"securityContext":{"sysctls":[{"name":"net.ipv4.tcp_rmem","value":"1"}]},)",
           "would change the node"},
          {R"("initContainers":[{"name":"i","resources":{"limits":{"hugepages-2Mi":"2Mi"}}}],)",
           "container i asks for hugepages-2Mi"}}) {
    Status s = refusal_of(pod_with(spec));
    ASSERT_FALSE(s) << spec;
    EXPECT_THAT(s.error().message, HasSubstr(words));
  }
  EXPECT_TRUE(refusal_of(pod_with("", R"(,"resources":{"limits":{"example.org/gpu":"0"}})")));
}

}  // namespace
}  // namespace kubus::kubelet
