#include "services/controllers/controllers.h"

#include "services/controllers/deployment/deployment.h"
#include "services/controllers/endpointslice/endpointslice.h"
#include "services/controllers/gc/gc.h"
#include "services/controllers/namespace/namespace.h"
#include "services/controllers/nodelifecycle/nodelifecycle.h"
#include "services/controllers/podgc/podgc.h"
#include "services/controllers/replicaset/replicaset.h"

namespace kubus::controllers {
namespace {

constexpr std::string_view kLease = "kube-controller-manager";

std::vector<std::unique_ptr<Controller>> make_all(Shared& shared, const Options& options) {
  std::vector<std::unique_ptr<Controller>> out;
  out.push_back(std::make_unique<replicaset::ReplicaSets>(shared));
  out.push_back(std::make_unique<deployment::Deployments>(shared));
  out.push_back(std::make_unique<endpointslice::EndpointSlices>(shared));
  out.push_back(std::make_unique<namespaces::Namespaces>(shared));
  out.push_back(std::make_unique<gc::GarbageCollector>(shared));
  out.push_back(std::make_unique<nodelifecycle::NodeLifecycle>(shared, options.node_grace));
  out.push_back(
      std::make_unique<podgc::PodGc>(shared, podgc::Options{.quarantine = options.node_grace}));
  return out;
}

}  // namespace

Controllers::Controllers(bus::Ports ports, Options options)
    : client_(ports, options.client),
      informers_(ports, client_),
      shared_{ports, client_, informers_},
      all_(make_all(shared_, options)) {
  set_fence(std::nullopt);
  informers_.start();
  election_ = std::make_unique<kit::Election>(
      ports, client_,
      kit::ElectionOptions{.lease = std::string(kLease),
                           .identity = options.identity,
                           .ttl = options.lease_ttl,
                           .renew = options.lease_ttl / 3},
      [this](const kit::Fence& fence) { set_fence(fence); }, [this] { set_fence(std::nullopt); });
}

void Controllers::set_fence(const std::optional<kit::Fence>& fence) {
  for (auto& c : all_) c->set_fence(fence);
}

}  // namespace kubus::controllers
