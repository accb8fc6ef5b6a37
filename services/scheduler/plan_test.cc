#include "services/scheduler/plan.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "schemas/lib/codec/codec.h"

namespace kubus::scheduler {
namespace {

Object make(std::string_view resource, std::string_view text) {
  const auto& kind = *schema::Registry::get().by_resource("", resource);
  std::vector<codec::Problem> problems;
  auto bytes = codec::from_json(kind, text, &problems);
  EXPECT_TRUE(bytes) << bytes.error().message;
  EXPECT_TRUE(problems.empty()) << problems.front().message;
  return *Object::from(kind, Payload(*std::move(bytes)));
}

Object node(const std::string& name, const std::string& more = "") {
  return make("nodes", R"({"metadata":{"name":")" + name + R"(","labels":{"disk":"ssd","n":"7"}})" +
                           (more.empty() ? "" : "," + more) + "}");
}

Object pod(const std::string& name, const std::string& spec = "") {
  return make("pods", R"({"metadata":{"name":")" + name + R"(","namespace":"d"},"spec":{)" + spec +
                          (spec.empty() ? "" : ",") +
                          R"("containers":[{"name":"c","image":"i"}]}})");
}

Nodes nodes_of(const std::vector<Object>& list) {
  Nodes nodes;
  for (const Object& o : list) nodes[std::string(o.name())].node = o;
  return nodes;
}

TEST(Plan, TheTaintOfANewNodeCountsUntilTheNodeIsReady) {
  std::string taint =
      R"("spec":{"taints":[{"key":"node.kubernetes.io/not-ready","effect":"NoSchedule"}]})";
  std::string ready = R"(,"status":{"conditions":[{"type":"Ready","status":"True"}]})";
  EXPECT_EQ(plan(pod("p"), nodes_of({node("a", taint)})).node, "");
  EXPECT_EQ(plan(pod("p"), nodes_of({node("a", taint + ready)})).node, "a");
}

TEST(Plan, NoNodes) {
  EXPECT_EQ(plan(pod("p"), {}).why, "no nodes available to schedule pods");
  Nodes ghosts;
  ghosts["gone"].used.pods = 3;
  EXPECT_EQ(plan(pod("p"), ghosts).why, "no nodes available to schedule pods");
}

TEST(Plan, LeastLoadedThenFirstByName) {
  Nodes nodes = nodes_of({node("a"), node("b"), node("c")});
  EXPECT_EQ(plan(pod("p"), nodes).node, "a");
  nodes["a"].used.pods = 2;
  nodes["b"].used.pods = 1;
  nodes["c"].used.pods = 1;
  EXPECT_EQ(plan(pod("p"), nodes).node, "b");
}

TEST(Plan, ReasonsAreCountedMostFrequentFirst) {
  std::string cordoned = R"("spec":{"unschedulable":true})";
  std::string tainted = R"("spec":{"taints":[{"key":"gpu","value":"v","effect":"NoSchedule"}]})";
  Nodes nodes = nodes_of({node("a", tainted), node("b", cordoned), node("c", cordoned)});
  Decision d = plan(pod("p"), nodes);
  EXPECT_EQ(d.node, "");
  EXPECT_EQ(d.why,
            "0/3 nodes are available: 2 node(s) were unschedulable, "
            "1 node(s) had untolerated taint {gpu: v}.");
}

struct Case {
  const char *pod, *node;
  bool suits;
};

class Suits : public ::testing::TestWithParam<Case> {};

TEST_P(Suits, AsSaid) {
  Decision d = plan(pod("p", GetParam().pod), nodes_of({node("n", GetParam().node)}));
  EXPECT_EQ(d.node.empty(), !GetParam().suits) << d.why;
}

const char kTaint[] = R"("spec":{"taints":[{"key":"k","value":"v","effect":"NoExecute"}]})";
const char kRoom[] = R"("status":{"allocatable":{"cpu":"1","memory":"1Gi","pods":"1"}})";

INSTANTIATE_TEST_SUITE_P(
    Taints, Suits,
    ::testing::Values(
        Case{"", kTaint, false},
        Case{R"("tolerations":[{"key":"k","operator":"Equal","value":"v","effect":"NoExecute"}])",
             kTaint, true},
        Case{R"("tolerations":[{"key":"k","value":"v"}])", kTaint, true},
        Case{R"("tolerations":[{"key":"k","value":"w"}])", kTaint, false},
        Case{R"("tolerations":[{"key":"k","operator":"Exists","effect":"NoSchedule"}])", kTaint,
             false},
        Case{R"("tolerations":[{"operator":"Exists"}])", kTaint, true},
        Case{"", R"("spec":{"taints":[{"key":"k","effect":"PreferNoSchedule"}]})", true},
        Case{"", R"("spec":{"unschedulable":true})", false},
        Case{R"("tolerations":[{"key":"node.kubernetes.io/unschedulable","operator":"Exists"}])",
             R"("spec":{"unschedulable":true})", true},
        Case{"", R"("status":{"conditions":[{"type":"Ready","status":"Unknown"}]})", false},
        Case{"", R"("status":{"conditions":[{"type":"Ready","status":"True"}]})", true}));

INSTANTIATE_TEST_SUITE_P(Selectors, Suits,
                         ::testing::Values(Case{R"("nodeSelector":{"disk":"ssd"})", "", true},
                                           Case{R"("nodeSelector":{"disk":"hdd"})", "", false},
                                           Case{R"("nodeSelector":{"none":""})", "", false}));

std::string affinity(const std::string& term) {
  return R"("affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":)"
         R"({"nodeSelectorTerms":[)" +
         term + "]}}}";
}

TEST(Plan, NodeAffinity) {
  auto fits = [](const std::string& term) {
    return !plan(pod("p", affinity(term)), nodes_of({node("n")})).node.empty();
  };
  EXPECT_TRUE(fits(R"({"matchExpressions":[{"key":"disk","operator":"In","values":["ssd"]}]})"));
  EXPECT_FALSE(
      fits(R"({"matchExpressions":[{"key":"disk","operator":"NotIn","values":["ssd"]}]})"));
  EXPECT_TRUE(fits(R"({"matchExpressions":[{"key":"x","operator":"NotIn","values":["y"]}]})"));
  EXPECT_TRUE(fits(R"({"matchExpressions":[{"key":"n","operator":"Gt","values":["6"]}]})"));
  EXPECT_FALSE(fits(R"({"matchExpressions":[{"key":"n","operator":"Lt","values":["6"]}]})"));
  EXPECT_FALSE(fits(R"({"matchExpressions":[{"key":"disk","operator":"Gt","values":["6"]}]})"));
  EXPECT_TRUE(fits(R"({"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]})"));
  EXPECT_FALSE(fits(R"({"matchFields":[{"key":"metadata.name","operator":"In","values":["m"]}]})"));
  EXPECT_FALSE(fits("{}"));
  EXPECT_TRUE(fits(R"({},{"matchExpressions":[{"key":"disk","operator":"Exists"}]})"));
}

TEST(Plan, Room) {
  Nodes nodes = nodes_of({node("n", kRoom)});
  auto wants = [](const std::string& requests) {
    return make("pods", R"({"metadata":{"name":"p","namespace":"d"},"spec":{"containers":[)"
                        R"({"name":"c","image":"i","resources":{"requests":)" +
                            requests + "}}]}}");
  };
  EXPECT_EQ(plan(wants(R"({"cpu":"1","memory":"1Gi"})"), nodes).node, "n");
  EXPECT_EQ(plan(wants(R"({"cpu":"1001m"})"), nodes).why,
            "0/1 nodes are available: 1 Insufficient cpu.");
  EXPECT_EQ(plan(wants(R"({"memory":"1025Mi"})"), nodes).why,
            "0/1 nodes are available: 1 Insufficient memory.");
  nodes["n"].used.pods = 1;
  EXPECT_EQ(plan(wants("{}"), nodes).why, "0/1 nodes are available: 1 Too many pods.");
}

TEST(Occupancy, CountsPlacesOnce) {
  Occupancy o;
  o.on_node({}, node("n"));
  Object before = pod("p"), after = pod("p", R"("nodeName":"n")");
  o.on_pod({}, before);
  EXPECT_EQ(o.nodes().at("n").used.pods, 0);
  o.assume(before, "n");
  EXPECT_EQ(o.nodes().at("n").used.pods, 1);
  o.on_pod(before, after);
  EXPECT_EQ(o.nodes().at("n").used.pods, 1);
  o.on_pod(after, after);
  EXPECT_EQ(o.nodes().at("n").used.pods, 1);
  o.on_node(node("n"), {});
  EXPECT_EQ(o.nodes().at("n").used.pods, 1);
  o.on_pod(after, {});
  EXPECT_TRUE(o.nodes().empty());
}

TEST(Occupancy, AssumptionIsForgotten) {
  Occupancy o;
  o.on_node({}, node("n"));
  o.assume(pod("p"), "n");
  o.assume(pod("p"), "n");
  o.forget(pod("p"));
  o.forget(pod("p"));
  EXPECT_EQ(o.nodes().at("n").used, Resources());
}

}  // namespace
}  // namespace kubus::scheduler
