// What every adapter of Bus promises, as tests: a program that links conformance.cc and says
// INSTANTIATE_TEST_SUITE_P(…, BusConformance, …) holds its adapter to them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "bus/ports/bus.h"

namespace kubus::bus::testing {

// Three clients of a bus of the cluster "test", each on a connection of its own, none of them
// connected yet: the store (Role::kStore) and the components a and b (Role::kComponent).
class Rig {
 public:
  enum Client : uint8_t { kStore, kA, kB };
  static constexpr size_t kClients = 3;

  virtual ~Rig() = default;
  virtual Bus& bus(Client client) = 0;
  // Runs all clients' loops until `done` or for some time. Returns done().
  virtual bool run_until(const std::function<bool()>& done) = 0;
  // The server dies without a word; it comes back at the same place.
  virtual void stop_server() = 0;
  virtual void start_server() = 0;
};

struct Adapter {
  std::string name;
  std::function<std::unique_ptr<Rig>()> make;
};

class BusConformance : public ::testing::TestWithParam<Adapter> {};

}  // namespace kubus::bus::testing
