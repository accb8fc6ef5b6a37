// Empties Namespaces that are being deleted, of every kind there is, and lets them go; puts back
// what the store makes with every Namespace. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
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
  void complete(kit::Pass& pass);
  std::vector<Left> content_of(std::string_view ns) const;
  void prove_empty(const Object& object);
  void on_listed(const std::string& name, const std::string& uid,
                 const Result<kit::Answer>& answer);
  void empty(kit::Pass& pass, const std::string& ns, const std::vector<Left>& content);
  void report(kit::Pass& pass, const Object& object, const std::vector<Left>& content);
  void finalize(kit::Pass& pass, const Object& object);

  bus::Ports ports_;
  kit::Client& client_;
  kit::Informer& namespaces_;
  kit::Informer& accounts_;
  kit::Informer& maps_;
  std::vector<kit::Informer*> kinds_;  // namespaced ones
  kit::Reconciler reconciler_;
  std::set<std::string> asking_, proven_;  // uids: whether the store holds nothing of it any more
  std::map<std::string, std::unique_ptr<bus::Timer>> again_;  // by name
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::controllers::namespaces
