#include "tests/bench/scale/cases.h"

#include <map>

namespace kubus::bench {
namespace {

const std::vector<Case> kCases = {
    {"SchedulingBasic", {"zone1"}, "default", "default", 1000, 10'000},
    {"MixedChurn", {"zone1"}, "default", "default", 0, 10'000, true, true},
    {"Unschedulable", {"zone1"}, "large-cpu", "default", 200, 10'000, false},
    {"SchedulingNodeAffinity", {"zone1"}, "node-affinity", "node-affinity", 5000, 10'000},
    {"SchedulingPodAffinity", {"zone1"}, "pod-affinity", "pod-affinity", 5000, 5000},
    {"SchedulingPodAntiAffinity", {"zone1"}, "pod-anti-affinity", "pod-anti-affinity", 1000, 2000},
    {"TopologySpreading", {"moon-1", "moon-2", "moon-3"}, "default", "spreading", 5000, 5000},
    {"PreemptionBasic", {"zone1"}, "low-priority", "high-priority", 20'000, 5000},
};

struct Shape {
  std::string labels, spec, cpu = "100m";
};

std::string pod_term(const std::string& color, const std::string& topology) {
  return R"({"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"color":")" +
         color + R"("}},"topologyKey":")" + topology + R"(","namespaces":["sched-1","sched-0"]}]})";
}

const std::map<std::string, Shape>& shapes() {
  static const std::map<std::string, Shape> all = {
      {"default", {}},
      {"large-cpu", {"", "", "9"}},
      {"node-affinity",
       {"",
        R"("affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"topology.kubernetes.io/zone","operator":"In","values":["zone1","zone2"]}]}]}}},)"}},
      {"pod-affinity",
       {R"("color":"blue")",
        R"("affinity":{"podAffinity":)" + pod_term("blue", "topology.kubernetes.io/zone") + "},"}},
      {"pod-anti-affinity",
       {R"("color":"green")",
        R"("affinity":{"podAntiAffinity":)" + pod_term("green", "kubernetes.io/hostname") + "},"}},
      {"spreading",
       {R"("color":"blue")",
        R"("topologySpreadConstraints":[{"maxSkew":5,"topologyKey":"topology.kubernetes.io/zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchLabels":{"color":"blue"}}}],)"}},
      {"low-priority", {"", "", "900m"}},
      {"high-priority", {"", R"("priorityClassName":"bench-high",)", "3000m"}},
      {"high-priority-large-cpu", {"", R"("priorityClassName":"bench-high",)", "9"}},
  };
  return all;
}

}  // namespace

const Case* find_case(const std::string& name) {
  for (const Case& c : kCases) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

std::string pod_json(const std::string& shape, const std::string& ns, const std::string& name) {
  const Shape& s = shapes().at(shape);
  return R"({"metadata":{"namespace":")" + ns + R"(","name":")" + name + R"(","labels":{)" +
         s.labels + R"(}},"spec":{)" + s.spec +
         R"("terminationGracePeriodSeconds":0,"automountServiceAccountToken":false,)" +
         R"("enableServiceLinks":false,"containers":[{"name":"pause","image":"pause:3.9",)" +
         R"("ports":[{"containerPort":80}],"resources":{"requests":{"cpu":")" + s.cpu +
         R"(","memory":"500Mi"}}}]}})";
}

std::string node_json(const std::string& name, const std::string& zone, const std::string& now) {
  static const std::string kSize = R"({"cpu":"4","memory":"32Gi","pods":"110"})";
  return R"({"metadata":{"name":")" + name + R"(","labels":{"kubernetes.io/hostname":")" + name +
         R"(","topology.kubernetes.io/zone":")" + zone + R"("}},"status":{"capacity":)" + kSize +
         R"(,"allocatable":)" + kSize +
         R"(,"conditions":[{"type":"Ready","status":"True","reason":"Bench","message":"as it is said","lastHeartbeatTime":")" +
         now + R"(","lastTransitionTime":")" + now + R"("}]}})";
}

}  // namespace kubus::bench
