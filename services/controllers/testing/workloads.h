// ReplicaSets and Deployments on a simulated bus, with a kubelet that makes their Pods ready.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus/kit/election.h"
#include "bus/kit/testing/cluster.h"
#include "services/controllers/controller.h"

namespace kubus::controllers::testing {

class Workloads {
 public:
  explicit Workloads(uint64_t seed = 1);
  ~Workloads();

  // The process that hosts the controllers.
  void start();
  // It dies without a last word.
  void crash();
  void run(bus::Duration d = std::chrono::seconds(5)) { c.world.run_for(d); }

  // ---- what a user does ----
  // The Deployment "web" of this image; `spec` adds members: R"("paused":true)".
  void deploy(const std::string& image, int replicas, const std::string& spec = "");
  // The ReplicaSet "solo" of Pods labelled app=solo.
  void replica_set(int replicas, const std::string& spec = "");
  void put(std::string_view resource, std::string_view text);
  void edit(std::string_view resource, std::string_view name,
            const std::function<void(boost::json::object&)>& change);
  void set_image(const std::string& image);
  void scale(int replicas);

  // ---- what there is ----
  std::vector<Object> all(std::string_view resource) const;
  size_t pods(bool ready_only = false) const;  // neither ended nor ending
  boost::json::value get(std::string_view resource, std::string_view name) const;
  // "Progressing=True/NewReplicaSetAvailable" of the Deployment; "" : no such condition.
  std::string condition(std::string_view type);
  // Deployment, ReplicaSets and numbers of Pods, without names of Pods and times.
  std::string summary();

  // What must hold at every moment while it is looked at.
  size_t most = 1000, least_ready = 0;
  std::vector<std::string> violations;
  bool kubelet_works = true;  // an image "bad" is never ready anyway

  kit::testing::Cluster c;

 private:
  struct Process;
  void tick();
  void look();

  std::unique_ptr<bus::Timer> timer_;
  std::unique_ptr<Process> process_;
};

}  // namespace kubus::controllers::testing
