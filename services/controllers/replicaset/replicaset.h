// Keeps as many Pods of its template as each ReplicaSet wants: adopts what matches and is nobody's,
// releases what does not match any more, makes and removes. Loop thread only.
#pragma once

#include <map>
#include <string>

#include "bus/kit/reconciler.h"
#include "services/controllers/controller.h"
#include "services/controllers/owners.h"
#include "services/controllers/replicaset/plan.h"

namespace kubus::controllers::replicaset {

class ReplicaSets : public Controller {
 public:
  explicit ReplicaSets(Shared& shared);
  void set_fence(std::optional<kit::Fence> fence) override { reconciler_.set_fence(fence); }

 private:
  void on_set(const kit::Informer::Change& change);
  void on_pod(const kit::Informer::Change& change);
  void wake_owner(const Object& pod, Revision revision);
  void wake_matching(const Object& pod, Revision revision);
  void reconcile(kit::Pass& pass);
  void act(kit::Pass& pass, const Object& set, const boost::json::object& value, const Plan& plan);
  void create(kit::Pass& pass, const Object& set, const boost::json::object& value, int many);
  void remove(kit::Pass& pass, const Object& set, const std::vector<Object>& pods);
  // Tells what came of each operation, and remembers the first failure for the set's status.
  void tell(const Object& set, const kit::Cause& cause, const std::vector<std::string>& names,
            bool created, const Result<kit::Answer>& answer);
  void note_failure(const Object& set, std::optional<Failure> failure);
  const selectors::LabelSelector* selector_of(const Object& set, const boost::json::object& value);

  struct Selector {
    std::string uid;
    int64_t generation = 0;
    selectors::LabelSelector selector;
  };

  bus::Ports ports_;
  kit::Informer& sets_;
  kit::Informer& pods_;
  OwnerIndex index_;
  kit::Recorder recorder_;
  kit::Reconciler reconciler_;
  std::map<std::string, Selector, std::less<>> selectors_;  // by key
  std::map<std::string, Failure, std::less<>> failures_;    // by key
};

}  // namespace kubus::controllers::replicaset
