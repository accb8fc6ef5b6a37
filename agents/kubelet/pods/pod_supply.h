// What containers are made with, beyond the Pod itself: ConfigMaps, Secrets, tokens, Services,
// volumes, images. Keeps the volumes of running Pods up to date. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/pods/configs.h"
#include "agents/kubelet/pods/reference_cache.h"
#include "agents/kubelet/pods/service_links.h"
#include "agents/kubelet/pods/tokens.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

struct Supplies {
  std::map<std::string, std::string> volumes;  // host path by name
  Environment links;                           // of Services
};

class PodSupply {
 public:
  using FactsOf = std::function<PodFacts(const std::string& uid)>;

  PodSupply(bus::Ports ports, Runtime& runtime, kit::Client& client, LastKnown& known,
            Identity identity, FactsOf facts_of);
  void start();

  // All that the container refers to, its Pod's volumes and Service links. Errors name what is
  // missing. Calls back at once or later.
  void resolve(const Object& pod, const std::string& container,
               std::function<void(Result<Supplies>)> done);
  // Pulls with the Pod's pull secrets. Gives the runtime's name of the image; kInvalid: the name is
  // none.
  void pull(const Object& pod, const std::string& image,
            std::function<void(Result<std::string>)> done);

  // The Pod is as given now: volumes that it has already follow its labels and sources.
  void follow(const Object& pod);
  // Unmounts and removes its volumes.
  void drop(const std::string& uid);
  void forget_reference(std::string_view resource, std::string_view ns, std::string_view name);
  // The store can be asked again.
  void forget_old();
  // All ConfigMaps and Secrets that the Pod refers to.
  static std::set<RefKey> references_of(const Object& pod);
  Lookup lookup(const std::string& ns) const { return references_.lookup(ns); }

 private:
  struct Followed {
    Object pod;
    std::string metadata;  // what the downward API shows of it
    std::string trouble;   // why its volumes stay as they are; told once
    bool stale = false, busy = false;
  };
  struct Pull {
    std::string image;
    std::vector<Credentials> credentials;
    std::vector<std::string> absent;
    size_t tried = 0;
    std::function<void(Result<std::string>)> done;
  };

  std::string volumes_dir(const std::string& uid) const;
  std::string links_file(const std::string& uid) const;
  void fetch(const Object& pod, const std::string& container, std::function<void(Status)> done);
  Result<std::map<std::string, std::string>> prepare(const Object& pod) const;
  Environment links_of(const Object& pod, bool known) const;
  void on_refresh_timeout();
  void refresh_soon();
  void refresh(const std::string& uid);
  void try_pull(std::shared_ptr<Pull> pull);
  template <class F>
  auto held(F f) {
    return [alive = std::weak_ptr<bool>(alive_), f = std::move(f)](auto... a) {
      if (!alive.expired()) f(std::move(a)...);
    };
  }

  bus::Ports ports_;
  Runtime& runtime_;
  Identity identity_;
  FactsOf facts_of_;
  ReferenceCache references_;
  TokenCache tokens_;
  ServiceCache services_;
  std::map<std::string, Followed> followed_;  // by uid
  std::unique_ptr<bus::Timer> refresh_timer_, soon_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
