// Binds Pods to nodes: follows Pods and Nodes, plans, and posts Bindings. What fits nowhere gets a
// condition that says why, and is tried again when a node or a Pod's place changes. Loop thread
// only.
#pragma once

#include <set>
#include <string>

#include "bus/kit/client.h"
#include "bus/kit/informer.h"
#include "bus/kit/reconciler.h"
#include "bus/ports/ports.h"
#include "services/scheduler/occupancy.h"
#include "services/scheduler/plan.h"

namespace kubus::scheduler {

class Scheduler {
 public:
  Scheduler(bus::Ports ports, kit::ClientOptions options);

 private:
  void on_pod(const kit::Informer::Change& change);
  void on_node(const kit::Informer::Change& change);
  void reconcile(kit::Pass& pass);
  void bind(kit::Pass& pass, const Object& pod, const std::string& node);
  void report(kit::Pass& pass, const Object& pod, const std::string& why);
  void wake_waiting(Revision revision);

  bus::Ports ports_;
  kit::Client client_;
  kit::Informer pods_, nodes_;
  Occupancy occupancy_;
  std::set<std::string> waiting_;  // Pods that fitted nowhere
  kit::Reconciler reconciler_;
};

}  // namespace kubus::scheduler
