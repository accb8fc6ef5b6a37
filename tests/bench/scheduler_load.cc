// Decisions of the scheduler alone, without a bus. usage: scheduler-load NODES PODS [SHAPES]
// Pods that want a little cpu and memory come in, of SHAPES different sizes in turn (1), and are
// placed until all have a node. Prints decisions a second, from the Pod's object to its place.
#include <cstdlib>
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

Object node(int i) {
  std::string name = "node-" + std::to_string(i);
  return make("nodes",
              R"({"metadata":{"name":")" + name + R"(","labels":{"kubernetes.io/hostname":")" +
                  name + R"(","topology.kubernetes.io/zone":"zone-)" + std::to_string(i % 10) +
                  R"("}},"status":{"allocatable":{"cpu":"64","memory":"256Gi","pods":"250"}}})");
}

Object pod(int i, int shapes) {
  std::string name = "pod-" + std::to_string(i);
  return make("pods", R"({"metadata":{"namespace":"bench","name":")" + name + R"(","uid":")" +
                          name + R"("},"spec":{"containers":[{"name":"c","image":"pause:3.9",)" +
                          R"("resources":{"requests":{"cpu":")" + std::to_string(100 + i % shapes) +
                          R"(m","memory":"500Mi"}}}]}})");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  int nodes = std::atoi(argv[1]), count = std::atoi(argv[2]);
  int shapes = argc == 4 ? std::atoi(argv[3]) : 1;
  if (nodes < 1 || count < 1 || shapes < 1) return 2;
  bus::sim::SeededRandom random(1);
  scheduler::Engine engine(random);
  for (int i = 0; i < nodes; ++i) engine.on_node({}, node(i), {}, {});
  std::vector<Object> pods;
  for (int i = 0; i < count; ++i) pods.push_back(pod(i, shapes));

  int64_t began = now_ns();
  for (const Object& p : pods) engine.on_pod({}, p, {}, {});
  size_t placed = 0;
  while (true) {
    auto decisions = engine.decide(256, {});
    if (decisions.empty()) break;
    for (const auto& d : decisions) placed += !d.node.empty();
  }
  double seconds = static_cast<double>(now_ns() - began) / 1e9;
  std::printf("{\"per_s\": %.0f, \"placed\": %zu, \"nodes\": %d}\n", count / seconds, placed,
              nodes);
  return placed == pods.size() ? 0 : 1;
}
