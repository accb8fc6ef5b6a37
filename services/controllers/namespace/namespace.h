// Empties Namespaces that are being deleted, of every kind there is, and lets them go. Loop thread
// only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bus/kit/reconciler.h"
#include "services/controllers/controller.h"

namespace kubus::controllers::namespaces {

class Namespaces : public Controller {
 public:
  explicit Namespaces(Shared& shared);
  void set_fence(std::optional<kit::Fence> fence) override { reconciler_.set_fence(fence); }

 private:
  // What is left of one kind.
  struct Left {
    const schema::KindInfo* kind;
    size_t objects = 0, going = 0;
    std::map<std::string, size_t> finalizers;  // of those that are going
  };

  void on_content(const kit::Informer::Change& change);
  void reconcile(kit::Pass& pass);
  std::vector<Left> content_of(std::string_view ns) const;
  bool seen_all(Revision revision) const;
  void empty(kit::Pass& pass, const std::string& ns, const std::vector<Left>& content);
  void report(kit::Pass& pass, const Object& object, const std::vector<Left>& content);
  void finalize(kit::Pass& pass, const Object& object);

  bus::Ports ports_;
  kit::Informer& namespaces_;
  std::vector<kit::Informer*> kinds_;  // namespaced ones
  kit::Reconciler reconciler_;
};

}  // namespace kubus::controllers::namespaces
