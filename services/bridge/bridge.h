// The bridge: several routes over one connection. Deterministic; its edges (HTTP, files) come in
// through the sinks. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/bridge/route.h"

namespace kubus::bridge {

class Bridge {
 public:
  struct Leg {
    RouteOptions route;
    std::unique_ptr<Sink> sink;
  };
  // `positions` outlives the bridge.
  Bridge(bus::Ports ports, kit::ClientOptions client, Positions& positions);
  Bridge(const Bridge&) = delete;

  // Errors name the route; nothing goes on then.
  Status start(std::vector<Leg> legs);
  const bus::Subjects& subjects() const { return client_.subjects(); }
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
  // One JSON object of figures, a member for each route.
  std::string stats_text() const;

 private:
  void answer_stats(const bus::Message& message);
  bus::Ports ports_;
  kit::Client client_;
  Positions& positions_;
  std::vector<std::unique_ptr<Route>> routes_;
  std::unique_ptr<bus::Subscription> stats_;
};

}  // namespace kubus::bridge
