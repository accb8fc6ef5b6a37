// What the bridge brings events to, and the disk on which it keeps how far it is: they outlive it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "services/bridge/bridge.h"
#include "services/bridge/testing/target.h"
#include "tests/sim/cluster/cluster.h"

namespace kubus::sim {

struct Abroad {
  Abroad(Cluster& cluster, std::string directory);
  std::string file_of(const RouteSpec& route) const;
  // What stands in a route's files, oldest first. Whole lines, if the bridge keeps its word.
  std::string lines_of(const RouteSpec& route) const;

  std::map<std::string, bridge::testing::Target> webhooks;  // by route
  bridge::testing::Disk disk;
  std::vector<std::string> heard;  // on the cluster's own CloudEvents subjects, markers aside
  std::string directory;

 private:
  std::unique_ptr<bus::Subscription> subjects_;
};

// One life of the bridge; null: a route cannot begin.
std::shared_ptr<void> make_bridge(bus::Ports ports, kit::ClientOptions client,
                                  const std::vector<RouteSpec>& routes, Abroad& abroad);

}  // namespace kubus::sim
