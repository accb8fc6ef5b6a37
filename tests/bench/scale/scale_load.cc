// A cluster's size, through the bus. usage:
//   scale-load STATE case NAME NODES      that case of scheduler_perf, on so many nodes that are no
//                                         more than objects with heartbeats
//   scale-load STATE pods COUNT           so many small Pods on the nodes that are there, until all
//                                         are Running
// STATE: the directory of a cluster that `kubus up` has started. Prints one line of JSON.
#include <cstdlib>
#include <cstring>

#include "tests/bench/scale/cases.h"
#include "tests/bench/scale/cluster.h"
#include "tests/bench/scale/usage.h"

namespace {

using namespace kubus;
using namespace kubus::bench;
namespace json = boost::json;

constexpr int kFlying = 256, kBulk = 128;
constexpr std::chrono::seconds kPatience{180};

std::string prefix() {
  return "p" + std::to_string(now_ns() % 1'000'000'000) + "-";
}

json::object by_component(const std::map<std::string, Usage>& usage, double Usage::*what,
                          const std::map<std::string, Usage>& before = {}) {
  json::object out;
  for (const auto& [name, u] : usage) {
    auto old = before.find(name);
    double value = u.*what - (old == before.end() ? 0 : old->second.*what);
    out[name] = static_cast<double>(static_cast<int64_t>(value * 100)) / 100;
  }
  return out;
}

void print(const Watch& watch, const Begun& begun, const std::string& state,
           const std::map<std::string, Usage>& before) {
  std::vector<int64_t> latencies;
  int64_t last = begun.at;
  for (size_t i = 0; i < watch.seen.size(); ++i) {
    if (watch.seen[i] == 0) continue;
    latencies.push_back(watch.seen[i] - begun.created[i]);
    last = std::max(last, watch.seen[i]);
  }
  double seconds = static_cast<double>(last - begun.at) / 1e9;
  size_t bound = latencies.size();
  double p50 = percentile_ms(latencies, 0.5), p99 = percentile_ms(latencies, 0.99);
  auto usage = usage_of(state, true);
  std::printf("%s\n", json::serialize(
                          json::object{{"per_s", static_cast<int64_t>(static_cast<double>(bound) /
                                                                      std::max(seconds, 1e-9))},
                                       {"p50_ms", p50},
                                       {"p99_ms", p99},
                                       {"seconds", seconds},
                                       {"count", bound},
                                       {"of", watch.seen.size()},
                                       {"cpu_s", by_component(usage, &Usage::cpu_seconds, before)},
                                       {"pss_mb", by_component(usage, &Usage::pss_mb)}})
                          .c_str());
}

int run_case(const std::string& state, const Case& c, int nodes) {
  ScaleCluster cluster(state);
  for (const char* ns : kNamespaces)
    cluster.create("namespaces", "", R"({"metadata":{"name":")" + std::string(ns) + "\"}}");
  cluster.create("priorityclasses", "scheduling.k8s.io",
                 R"({"metadata":{"name":"bench-high"},"value":10})");
  cluster.add_nodes(nodes, c.zones);
  auto scaled = [&](int of_5000) { return static_cast<int>(int64_t{of_5000} * nodes / 5000); };
  std::string init = "i" + prefix(), measured = "m" + prefix();
  Watch before(cluster, init, static_cast<size_t>(scaled(c.init_of_5000)), Watch::bound);
  cluster.create_pods(scaled(c.init_of_5000), kFlying / 8, kBulk, [&](int i) {
    return pod_json(c.init_template, kNamespaces[0], init + std::to_string(i));
  });
  if (c.waits_for_init && !cluster.run_until([&] { return before.complete(); }, kPatience)) {
    std::fprintf(stderr, "%zu of the first Pods have no node\n", before.missing());
    return 1;
  }
  if (c.churns) cluster.churn();
  Watch watch(cluster, measured, static_cast<size_t>(scaled(c.measured_of_5000)), Watch::bound);
  auto usage = usage_of(state, false);
  Begun begun = cluster.create_pods(scaled(c.measured_of_5000), kFlying, 1, [&](int i) {
    return pod_json(c.pod_template, kNamespaces[1], measured + std::to_string(i));
  });
  bool whole = cluster.run_until([&] { return watch.complete(); }, kPatience);
  print(watch, begun, state, usage);
  for (const char* ns : kNamespaces) cluster.delete_pods(ns);
  return whole ? 0 : 1;
}

int run_pods(const std::string& state, int count) {
  ScaleCluster cluster(state);
  std::string name = "m" + prefix();
  Watch watch(cluster, name, static_cast<size_t>(count), Watch::running);
  auto usage = usage_of(state, false);
  Begun begun = cluster.create_pods(count, 4, kBulk, [&](int i) {
    return pod_json("default", "default", name + std::to_string(i));
  });
  bool whole = cluster.run_until([&] { return watch.complete(); }, std::chrono::minutes(15));
  print(watch, begun, state, usage);
  return whole ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && !std::strcmp(argv[2], "case")) {
    const Case* c = find_case(argv[3]);
    int nodes = std::atoi(argv[4]);
    if (c && nodes > 0) return run_case(argv[1], *c, nodes);
  }
  if (argc == 4 && !std::strcmp(argv[2], "pods")) return run_pods(argv[1], std::atoi(argv[3]));
  std::fprintf(stderr, "usage: scale-load STATE case NAME NODES | pods COUNT\n");
  return 2;
}
