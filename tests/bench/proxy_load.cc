// From a change of a Service's endpoints to the kernel's rules. usage: proxy-load SERVICES CHANGES
// The proxy that ships, on a simulated bus and with the kernel's nftables, in a network namespace
// of its own (needs root). What the simulated bus takes counts as if it were real time.
#include <sched.h>

#include <cstdlib>

#include "agents/proxy/nft/nftables.h"
#include "agents/proxy/proxy.h"
#include "bus/kit/testing/cluster.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;
using kit::testing::Cluster;

constexpr int kEndpoints = 3;

// Applies at once, and answers in the loop's next turn.
class Kernel : public proxy::Dataplane {
 public:
  explicit Kernel(bus::Clock& clock) : clock_(clock) {}
  void apply(std::string commands, std::function<void(Status)> done) override {
    Status result = proxy::Nftables::run(commands);
    if (!result) std::exit((std::fprintf(stderr, "%s\n", result.error().message.c_str()), 1));
    ++applied;
    timer_ = clock_.after({}, [done = std::move(done)] { done({}); });
  }
  size_t applied = 0;

 private:
  bus::Clock& clock_;
  std::unique_ptr<bus::Timer> timer_;
};

std::string address(const char* net, int i) {
  return net + std::to_string(i / 65536 % 256) + "." + std::to_string(i / 256 % 256) + "." +
         std::to_string(i % 256);
}

void put_service(Cluster& c, int i) {
  c.put("services", "d",
        R"({"metadata":{"name":"s)" + std::to_string(i) + R"("},"spec":{"clusterIP":")" +
            address("11.", i) +
            R"(","type":"ClusterIP","ports":[{"name":"http","port":80,"protocol":"TCP"}]}})");
}

void put_slice(Cluster& c, int i, int version) {
  std::string list;
  for (int e = 0; e < kEndpoints; ++e) {
    int place = i * kEndpoints + (e == 0 ? version : 0) * 1'000'000 + e;
    list += (list.empty() ? "" : ",") + std::string(R"({"addresses":[")") + address("10.", place) +
            R"("],"nodeName":"n1","conditions":{"ready":true,"serving":true}})";
  }
  std::string name = "s" + std::to_string(i);
  c.store.put(kit::testing::kind("endpointslices", "discovery.k8s.io"), "d",
              kit::testing::parse(R"({"metadata":{"name":")" + name +
                                  R"(-1","labels":{"kubernetes.io/service-name":")" + name +
                                  R"("}},"addressType":"IPv4","endpoints":[)" + list +
                                  R"(],"ports":[{"name":"http","port":8080,"protocol":"TCP"}]})"));
}

int run(int services, int changes) {
  Cluster c(1);
  c.world.keep_trace(false);
  for (int i = 0; i < services; ++i) {
    put_service(c, i);
    put_slice(c, i, 0);
  }
  c.world.settle();
  bus::Ports ports = c.host("proxy").ports();
  Kernel kernel(ports.clock);
  int64_t began = now_ns();
  proxy::Proxy proxy(ports, kernel,
                     {.client = c.client_options("proxy:n1"),
                      .node = "n1",
                      .table = {.name = "bench", .pod_cidr = "10.0.0.0/8"},
                      .keep = {}});
  c.world.run_until([&] { return kernel.applied > 0; });
  c.world.settle();
  double first = static_cast<double>(now_ns() - began) / 1e9;
  std::vector<int64_t> latencies;
  int64_t total = 0;
  for (int i = 0; i < changes; ++i) {
    put_slice(c, i * 7919 % services, 1 + i / services);
    size_t before = kernel.applied;
    int64_t real = now_ns(), simulated = c.world.now_ns();
    c.world.run_until([&] { return kernel.applied > before; });
    latencies.push_back(now_ns() - real + c.world.now_ns() - simulated);
    total += latencies.back();
    c.world.settle();
  }
  std::printf("{\"p50_ms\": %.2f, \"p99_ms\": %.2f, \"first_s\": %.2f, \"mean_ms\": %.2f}\n",
              percentile_ms(latencies, 0.5), percentile_ms(latencies, 0.99), first,
              static_cast<double>(total) / 1e6 / changes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::atoi(argv[1]) < 1 || std::atoi(argv[2]) < 1) return 2;
  if (::unshare(CLONE_NEWNET) != 0) {
    std::perror("a network namespace of its own");
    return 1;
  }
  return run(std::atoi(argv[1]), std::atoi(argv[2]));
}
