// Rolls Deployments out: makes a ReplicaSet for each version of the template and moves Pods from
// one to the other within what the strategy allows. Loop thread only.
#pragma once

#include <map>
#include <string>

#include "bus/kit/reconciler.h"
#include "services/controllers/controller.h"
#include "services/controllers/deployment/plan.h"
#include "services/controllers/owners.h"

namespace kubus::controllers::deployment {

class Deployments : public Controller {
 public:
  explicit Deployments(Shared& shared);
  void set_fence(std::optional<kit::Fence> fence) override { reconciler_.set_fence(fence); }

 private:
  void on_set(const kit::Informer::Change& change);
  void on_pod_gone(const Object& pod, Revision revision);
  void wake_owner(const Object& set, Revision revision);
  void wake_matching(const Object& set, Revision revision);
  void reconcile(kit::Pass& pass);
  void act(kit::Pass& pass, const Object& deployment, const Plan& plan);
  bool has_pods(const Object& set) const;

  bus::Ports ports_;
  kit::Informer& deployments_;
  kit::Informer& sets_;
  kit::Informer& pods_;
  OwnerIndex sets_by_owner_, pods_by_owner_;
  kit::Recorder recorder_;
  kit::Reconciler reconciler_;
};

}  // namespace kubus::controllers::deployment
