// Watches over nodes: says of silent ones that nobody knows how they are, keeps the taints that
// follow from a node's conditions, and sends Pods away from nodes that drive them out. Loop thread
// only.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "bus/kit/reconciler.h"
#include "services/controllers/bound_pods.h"
#include "services/controllers/controller.h"
#include "services/controllers/nodelifecycle/eviction.h"
#include "services/controllers/nodelifecycle/plan.h"
#include "services/controllers/nodelifecycle/vigil.h"

namespace kubus::controllers::nodelifecycle {

class NodeLifecycle : public Controller {
 public:
  // `grace`: how long a node may be silent.
  NodeLifecycle(Shared& shared, bus::Duration grace);
  void set_fence(std::optional<kit::Fence> fence) override;

 private:
  void on_node(const kit::Informer::Change& change);
  void on_pod(const kit::Informer::Change& change);
  void on_lease(const kit::Informer::Change& change);
  void on_heartbeat(const bus::Message& message);
  void on_bus(bus::BusState state);
  void on_tick_timeout();
  // Whoever writes lives.
  void hear_writer(const kit::Informer::Change& change);
  void heard(std::string_view node);
  void begin();

  void reconcile_node(kit::Pass& pass);
  DriveOut drive_out(const Object& node);
  void ask_permit(kit::Pass& pass, const Object& node);
  void wake_pods(std::string_view node, Revision revision);
  void reconcile_pod(kit::Pass& pass);
  void evict(kit::Pass& pass, const Object& pod);

  bus::Ports ports_;
  bus::Duration grace_;
  kit::Informer& nodes_;
  kit::Informer& pods_;
  kit::Informer leases_;
  BoundPods bound_;
  Vigil vigil_;
  Permits permits_;
  TaintAges ages_;
  std::set<std::string, std::less<>> permitted_;  // nodes whose Pods may be driven out
  bool withdrawn_ = false;                        // every node is in trouble
  bus::Instant last_tick_;
  kit::Recorder recorder_;
  kit::Reconciler node_reconciler_, pod_reconciler_;
  std::unique_ptr<bus::Timer> tick_timer_;
  std::unique_ptr<bus::Subscription> heartbeats_, bus_state_;
};

}  // namespace kubus::controllers::nodelifecycle
