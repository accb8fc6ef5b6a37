// The workloads of scale-load: named and shaped as in Kubernetes' scheduler_perf.
#pragma once

#include <string>
#include <vector>

namespace kubus::bench {

struct Case {
  std::string name;
  std::vector<std::string> zones;              // of nodes, in turn
  std::string init_template, pod_template;     // specs and labels: pod_json()
  int init_of_5000 = 0, measured_of_5000 = 0;  // Pods with 5,000 nodes; with fewer, as many fewer
  bool waits_for_init = true;
  bool churns = false;  // besides, each second a node, a Pod that fits nowhere and a Service anew
};

// Null: there is none of that name.
const Case* find_case(const std::string& name);

// The Pod as JSON. `shape`: "default", "large-cpu", "node-affinity", "pod-affinity",
// "pod-anti-affinity", "spreading", "low-priority", "high-priority", "high-priority-large-cpu".
std::string pod_json(const std::string& shape, const std::string& ns, const std::string& name);
// 4 CPUs, 32 GiB, 110 Pods; Ready.
std::string node_json(const std::string& name, const std::string& zone, const std::string& now);
// Its Pods' namespaces: the first of those that are there before, the second of those measured.
inline constexpr const char* kNamespaces[] = {"sched-0", "sched-1"};
inline constexpr const char* kHighPriority = "bench-high";

}  // namespace kubus::bench
