// Ends Pods for good that no kubelet will: those of nodes that are gone, those that are to go and
// never had a node, those on nodes declared out of service, and the oldest of too many finished
// ones. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "bus/kit/reconciler.h"
#include "services/controllers/bound_pods.h"
#include "services/controllers/controller.h"
#include "services/controllers/podgc/plan.h"

namespace kubus::controllers::podgc {

struct Options {
  bus::Duration quarantine = std::chrono::seconds(40);  // a node that is gone may come back
  size_t finished_most = 12500;
};

class PodGc : public Controller {
 public:
  PodGc(Shared& shared, Options options);
  void set_fence(std::optional<kit::Fence> fence) override;

 private:
  // What is known of a node that has Pods but does not exist.
  struct Gone {
    bus::Instant since;
    bool asked = false, confirmed = false;
  };
  void on_pod(const kit::Informer::Change& change);
  void on_node(const kit::Informer::Change& change);
  void reconcile_pod(kit::Pass& pass);
  void reconcile_node(kit::Pass& pass);
  void confirm(const std::string& node);
  void reconcile_finished(kit::Pass& pass);

  bus::Ports ports_;
  kit::Client& client_;
  Options options_;
  kit::Informer& nodes_;
  kit::Informer& pods_;
  BoundPods bound_;
  Finished finished_;
  std::map<std::string, Gone, std::less<>> gone_;
  kit::Reconciler pod_reconciler_, node_reconciler_, finished_reconciler_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::controllers::podgc
