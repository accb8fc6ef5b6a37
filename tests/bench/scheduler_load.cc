// Decisions of the scheduler alone, without a bus. usage: scheduler-load CASE|all NODES [PODS]
// The cases have the names and shapes of Kubernetes' scheduler_perf. Prints one JSON object a line
// for each: decisions a second from the Pod's object to its place, and how long single ones took.
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "bus/sim/loop.h"
#include "schemas/lib/codec/codec.h"
#include "services/scheduler/engine.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;

Object make(const char* resource, const std::string& text) {
  const auto& kind = *schema::Registry::get().by_resource("", resource);
  auto bytes = codec::from_json(kind, text, nullptr);
  if (!bytes) std::exit((std::fprintf(stderr, "%s\n", bytes.error().message.c_str()), 1));
  return *Object::from(kind, Payload(*std::move(bytes)));
}

Object node(int i, int zones) {
  std::string name = "node-" + std::to_string(i);
  std::string zone = zones == 1 ? "zone1" : "zone-" + std::to_string(i % zones);
  return make("nodes",
              R"({"metadata":{"name":")" + name + R"(","labels":{"kubernetes.io/hostname":")" +
                  name + R"(","topology.kubernetes.io/zone":")" + zone +
                  R"("}},"status":{"allocatable":{"cpu":"4","memory":"32Gi","pods":"110"}}})");
}

struct Shape {
  std::string ns = "bench";
  std::string labels;  // JSON members
  std::string spec;    // JSON members, each with a comma before it
  std::string cpu = "100m", memory = "500Mi";
  int priority = 0;
};

Object pod(const std::string& name, const Shape& s, const std::string& node = "") {
  return make("pods",
              R"({"metadata":{"namespace":")" + s.ns + R"(","name":")" + name + R"(","uid":")" +
                  name + R"(","labels":{)" + s.labels + R"(}},"spec":{)" +
                  (node.empty() ? "" : R"("nodeName":")" + node + "\",") + R"("priority":)" +
                  std::to_string(s.priority) +
                  R"(,"containers":[{"name":"c","image":"pause:3.9","resources":{"requests":{)" +
                  R"("cpu":")" + s.cpu + R"(","memory":")" + s.memory + R"("}}}])" + s.spec + "}}");
}

std::string affinity(const std::string& what, const std::string& app, const std::string& key) {
  return R"(,"affinity":{")" + what + R"(":{"requiredDuringSchedulingIgnoredDuringExecution":[)" +
         R"({"labelSelector":{"matchLabels":{"color":")" + app + R"("}},"topologyKey":")" + key +
         R"(","namespaces":["bench","init"]}]}})";
}

const std::string kNodeAffinity =
    R"(,"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":)"
    R"({"nodeSelectorTerms":[{"matchExpressions":[{"key":"topology.kubernetes.io/zone",)"
    R"("operator":"In","values":["zone1","zone2"]}]}]}}})";
const std::string kSpread =
    R"(,"topologySpreadConstraints":[{"maxSkew":5,"topologyKey":"topology.kubernetes.io/zone",)"
    R"("whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchLabels":{"color":"blue"}}}])";

struct Case {
  int zones = 1;
  Shape first;              // what is there before
  double first_each = 0.2;  // so many for each node
  Shape shape;              // what is measured
  double each = 1;
  bool churn = false;  // nodes and Pods come and go beside
  int hopeless = 0;    // Pods that fit nowhere, queued before
};

std::map<std::string, Case> cases() {
  std::string zone = "topology.kubernetes.io/zone", host = "kubernetes.io/hostname";
  Shape blue{.labels = R"("color":"blue")", .spec = affinity("podAffinity", "blue", zone)};
  Shape green{.labels = R"("color":"green")", .spec = affinity("podAntiAffinity", "green", host)};
  Shape evenly{.labels = R"("color":"blue")", .spec = kSpread};
  Shape low{.cpu = "900m"}, high{.cpu = "3", .priority = 10};
  Shape plain_blue = blue, init_green = green;
  init_green.ns = "init";
  return {{"SchedulingBasic", {}},
          {"MixedChurn", {.churn = true}},
          {"Unschedulable", {.hopeless = 200}},
          {"SchedulingNodeAffinity",
           {.first = {.spec = kNodeAffinity}, .shape = {.spec = kNodeAffinity}}},
          {"SchedulingPodAffinity", {.first = plain_blue, .shape = blue}},
          {"SchedulingPodAntiAffinity",
           {.first = init_green, .first_each = 0.2, .shape = green, .each = 0.4}},
          {"TopologySpreading", {.zones = 3, .shape = evenly}},
          {"PreemptionBasic", {.first = low, .first_each = 4, .shape = high, .each = 0.4}}};
}

class Run {
 public:
  Run(const Case& c, int nodes) : case_(c), nodes_(nodes) {
    for (int i = 0; i < nodes; ++i) {
      node_objects_.push_back(node(i, c.zones));
      engine_.on_node({}, node_objects_.back(), {}, at_);
    }
    place_first();
    Shape large{.cpu = "100"};
    for (int i = 0; i < c.hopeless; ++i) queue("hopeless-" + std::to_string(i), large);
    while (!engine_.decide(256, at_).empty()) {
    }
  }

  // Each Pod comes in, then is decided about; what it drives out goes at once.
  bool measure(const std::string& name, int count) {
    std::vector<Object> pods;
    for (int i = 0; i < count; ++i) pods.push_back(pod("pod-" + std::to_string(i), case_.shape));
    std::vector<int64_t> latencies;
    latencies.reserve(pods.size());
    size_t placed = 0;
    int64_t began = now_ns();
    for (const Object& p : pods) {
      int64_t before = now_ns();
      engine_.on_pod({}, p, {}, at_);
      placed += turn();
      latencies.push_back(now_ns() - before);
      if (case_.churn && latencies.size() % 1000 == 0) churn();
    }
    for (int i = 0; i < 100 && placed < pods.size(); ++i) {
      at_ = at_ + std::chrono::seconds(2);
      placed += turn();
    }
    double seconds = static_cast<double>(now_ns() - began) / 1e9;
    std::printf(
        "{\"case\": \"%s\", \"nodes\": %d, \"per_s\": %.0f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, "
        "\"placed\": %zu, \"pods\": %d}\n",
        name.c_str(), nodes_, count / seconds, percentile_ms(latencies, 0.5),
        percentile_ms(latencies, 0.99), placed, count);
    return placed == pods.size();
  }

 private:
  void queue(const std::string& name, const Shape& s) { engine_.on_pod({}, pod(name, s), {}, at_); }

  // As fits, and evenly where it matters: one after the other over the nodes.
  void place_first() {
    auto count = static_cast<int>(case_.first_each * nodes_);
    for (int i = 0; i < count; ++i) {
      std::string name = "first-" + std::to_string(i);
      Object p = pod(name, case_.first, "node-" + std::to_string(i % nodes_));
      engine_.on_pod({}, p, {}, at_);
      first_[case_.first.ns + "/" + name] = p;
    }
  }

  size_t turn() {
    size_t placed = 0;
    while (true) {
      auto decisions = engine_.decide(256, at_);
      if (decisions.empty()) return placed;
      for (const auto& d : decisions) {
        placed += !d.node.empty();
        for (const auto& v : d.victims) {
          auto at = first_.find(v.key);
          engine_.on_pod(at->second, {}, {}, at_);
          first_.erase(at);
        }
      }
    }
  }

  void churn() {
    Object fresh = node(nodes_ + churns_++, case_.zones);
    engine_.on_node({}, fresh, {}, at_);
    engine_.on_node(fresh, {}, {}, at_);
  }

  Case case_;
  int nodes_, churns_ = 0;
  bus::sim::SeededRandom random_{1};
  scheduler::Engine engine_{random_};
  bus::Instant at_;
  std::vector<Object> node_objects_;
  std::map<std::string, Object> first_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  int nodes = std::atoi(argv[2]);
  if (nodes < 1) return 2;
  bool good = true, known = false;
  for (const auto& [name, c] : cases()) {
    if (std::strcmp(argv[1], "all") != 0 && name != argv[1]) continue;
    known = true;
    int pods = argc == 4 ? std::atoi(argv[3]) : static_cast<int>(c.each * nodes);
    good &= Run(c, nodes).measure(name, pods);
  }
  return !known ? 2 : good ? 0 : 1;
}
