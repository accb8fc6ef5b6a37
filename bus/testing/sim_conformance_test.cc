// The simulated bus keeps the promises of Bus.
#include "bus/sim/world.h"
#include "bus/testing/conformance.h"

namespace kubus::bus::testing {
namespace {

// As render_server_config() has it for these roles.
sim::Permissions component(const std::string& actor) {
  const std::string p = "kubus.test.";
  auto given = [](const std::string& s) { return Pattern::given(s); };
  return {{given(p + "api." + actor + ".>"), given(p + "heartbeat.>"), given(p + "stats.>")},
          {given(p + "reply." + actor + ".>"), given(p + "event.>"), given(p + "head.>"),
           given(p + "heartbeat.>")}};
}
sim::Permissions store() {
  sim::Permissions all;
  for (const char* area : {"event", "node", "head", "reply", "heartbeat", "stats"}) {
    all.publish.push_back(Pattern::given("kubus.test." + std::string(area) + ".>"));
  }
  for (const char* area : {"api", "heartbeat"}) {
    all.subscribe.push_back(Pattern::given("kubus.test." + std::string(area) + ".>"));
  }
  return all;
}

class SimRig : public Rig {
 public:
  explicit SimRig(uint64_t seed) : world_(seed) {
    world_.faults().connect_most = std::chrono::milliseconds(50);
    for (const char* name : {"store", "a", "b"}) hosts_.push_back(&world_.add_host(name));
    hosts_[kStore]->set_permissions(store());
    hosts_[kA]->set_permissions(component("a"));
    hosts_[kB]->set_permissions(component("b"));
  }
  Bus& bus(Client client) override { return hosts_[client]->ports().bus; }
  bool run_until(const std::function<bool()>& done) override {
    return world_.run_until(done, std::chrono::minutes(1));
  }
  void stop_server() override { world_.restart_server(std::chrono::hours(1)); }
  void start_server() override { world_.restart_server({}); }

 private:
  sim::World world_;
  std::vector<sim::Host*> hosts_;
};

Adapter seeded(uint64_t seed) {
  return {"seed" + std::to_string(seed), [seed] { return std::make_unique<SimRig>(seed); }};
}

INSTANTIATE_TEST_SUITE_P(Sim, BusConformance, ::testing::Values(seeded(1), seeded(2), seeded(3)),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace kubus::bus::testing
