// Deletes what nobody owns any more: dependents of owners that are gone, and, for owners that wait
// for them (foreground), their dependents first; or frees dependents of owners that leave them
// behind (orphan). Never deletes for an owner of a kind that it does not know. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/kit/reconciler.h"
#include "services/controllers/controller.h"
#include "services/controllers/gc/graph.h"

namespace kubus::controllers::gc {

class GarbageCollector : public Controller {
 public:
  explicit GarbageCollector(Shared& shared);
  void set_fence(std::optional<kit::Fence> fence) override { reconciler_.set_fence(fence); }

 private:
  void on_change(const kit::Informer::Change& change);
  void wake(const ObjectKey& key, Revision revision);
  void wake_dependents(std::string_view uid, Revision revision);
  void reconcile(kit::Pass& pass);
  void judge_dependents(kit::Pass& pass, std::string_view owner_uid);
  // What is to be done to it, as one operation; nullptr: nothing, or the store is asked first.
  std::unique_ptr<wire::OperationT> judge_owned(const Object& object);
  Owner state_of(const Object& object, const ObjectKey& owner, std::string_view uid);
  void ask(const Object& object, const std::string& uid);
  void on_asked(const ObjectKey& about, const std::string& uid, const Result<Object>& found);
  void free_dependents(kit::Pass& pass, const Object& owner);
  void await_dependents(kit::Pass& pass, const Object& owner);
  bool waits_for(const Object& who, const Object& whom) const;
  void drop_finalizer(kit::Pass& pass, const Object& object, std::string_view name);
  Object find(const ObjectKey& key) const;

  bus::Ports ports_;
  kit::Client& client_;
  std::map<const schema::KindInfo*, kit::Informer*> kinds_;
  Graph graph_;
  kit::Recorder recorder_;
  std::set<std::string> absent_;  // uids that a live read did not find
  std::set<std::string> asking_;
  kit::Reconciler reconciler_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::controllers::gc
