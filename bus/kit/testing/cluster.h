// A simulated bus with a FakeStore on it, for component tests:
//
//   testing::Cluster c(seed);
//   Component component(c.host("scheduler").ports(), c.client_options("scheduler"));
//   c.put("pods", "d", R"({"metadata":{"name":"a"}})");
//   c.world.run_for(std::chrono::seconds(1));
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bus/kit/client.h"
#include "bus/kit/testing/fake_store.h"
#include "bus/sim/world.h"

namespace kubus::kit::testing {

const schema::KindInfo& kind(std::string_view resource, std::string_view group = "");
ObjectKey key(std::string_view resource, std::string_view ns, std::string_view name);
// Parses JSON; a broken text ends the test program.
boost::json::value parse(std::string_view text);

class Cluster {
 public:
  explicit Cluster(uint64_t seed = 1);
  ~Cluster();

  // The simulated process of that name, made at its first mention.
  bus::sim::Host& host(const std::string& name);
  ClientOptions client_options(const std::string& actor) const;

  Revision put(std::string_view resource, std::string_view ns, std::string_view text);
  Revision erase(std::string_view resource, std::string_view ns, std::string_view name);
  // The object as JSON text, or "" if there is none; without managedFields.
  boost::json::value get(std::string_view resource, std::string_view ns, std::string_view name);
  // The store's process dies and comes back after `pause`, with what it had acknowledged.
  void restart_store(bus::Duration pause);

  bus::sim::World world;

 private:
  std::map<std::string, bus::sim::Host*> hosts_;

 public:
  FakeStore store;
};

}  // namespace kubus::kit::testing
