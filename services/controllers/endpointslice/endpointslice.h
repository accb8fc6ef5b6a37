// Keeps the EndpointSlices of every Service with a selector. Loop thread only.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bus/kit/reconciler.h"
#include "services/controllers/controller.h"
#include "services/controllers/endpointslice/plan.h"

namespace kubus::controllers::endpointslice {

class EndpointSlices : public Controller {
 public:
  explicit EndpointSlices(Shared& shared);
  void set_fence(std::optional<kit::Fence> fence) override { reconciler_.set_fence(fence); }

 private:
  // Labels that all must be there; sorted. The first one indexes the Service.
  using Selector = std::vector<std::pair<std::string, std::string>>;
  struct Known {
    Selector selector;
    std::set<std::string> pods;  // names, in the Service's namespace
  };

  void on_service(const kit::Informer::Change& change);
  void on_pod(const kit::Informer::Change& change);
  void on_slice(const Object& slice, bool there, Revision revision);
  void learn(const Object& service);
  void forget(const std::string& key);
  std::vector<std::string> services_of(const Object& pod) const;
  void reconcile(kit::Pass& pass);
  std::vector<Object> slices_of(const std::string& key) const;

  bus::Ports ports_;
  kit::Informer& services_;
  kit::Informer& pods_;
  kit::Informer& slices_;
  kit::Reconciler reconciler_;
  std::map<std::string, Known, std::less<>> known_;                              // by Service
  std::map<std::string, std::set<std::string>, std::less<>> by_label_;           // Services
  std::map<std::string, std::set<std::string>, std::less<>> slices_by_service_;  // names
};

}  // namespace kubus::controllers::endpointslice
