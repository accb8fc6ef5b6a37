// What came to the bridge's targets: each event of a route's lane at least once, first arrivals in
// order, repetitions the same; nothing that never happened. What is told to be lost was compacted.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "tests/sim/checkers/past.h"
#include "tests/sim/cluster/abroad.h"

namespace kubus::sim {

class BridgeRules {
 public:
  BridgeRules(Cluster& cluster, Chronicle& chronicle, Story& story);

  // Whether each target has the last event of its lane.
  bool current() const;
  // Once quiet.
  void check_end();

 private:
  struct Route {
    const RouteSpec* spec = nullptr;
    std::vector<Revision> events;  // of its lane
  };
  using Arrivals = std::vector<boost::json::object>;

  void on_event(const kit::EventView& event);
  Revision last_arrived(const Route& route) const;
  Arrivals arrived(const Route& route);
  Revision oldest();
  void check(const Route& route, const Arrivals& arrivals, Revision oldest);
  void check_true(const Route& route, const boost::json::object& event);
  void wrong(const Route& route, const std::string& what) {
    story_.wrong("bridge", route.spec->name + ": " + what);
  }

  Cluster& cluster_;
  Chronicle& chronicle_;
  Story& story_;
  std::vector<Route> routes_;
};

}  // namespace kubus::sim
