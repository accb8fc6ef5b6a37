// The node's agent: runs the Pods that are bound to its node and reports on them and on itself.
// Loop thread only.
#pragma once

#include <memory>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/logs/log_keeper.h"
#include "agents/kubelet/node/node_agent.h"
#include "agents/kubelet/node/usage.h"
#include "agents/kubelet/offline/last_known.h"
#include "agents/kubelet/pods/pod_workers.h"
#include "agents/kubelet/stream/stream_service.h"
#include "bus/kit/client.h"
#include "bus/kit/informer.h"
#include "bus/kit/reconciler.h"
#include "bus/kit/recorder.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

struct KubeletOptions {
  kit::ClientOptions client;
  NodeOptions node;
  std::string state_dir;  // "" : keeps nothing on disk, makes no volumes and looks at no logs
  bus::Duration look_every = std::chrono::seconds(1);  // at the runtime
  ClusterDns dns = {};
  std::string pause_image, pause_archive, runtime_socket;  // empty: nothing is imported
};

class Kubelet {
 public:
  // `streams` null: it serves no logs and the like.
  Kubelet(bus::Ports ports, Runtime& runtime, Network& network, KubeletOptions options,
          stream::StreamHost* streams = nullptr);
  ~Kubelet();

 private:
  void on_pod(const kit::Informer::Change& change);
  void on_notice(const kit::EventView& event);
  void on_pods_synced();
  void recall();
  void forget_unreferenced();
  void on_dirty(const std::string& uid);
  void reconcile(kit::Pass& pass);
  void report(kit::Pass& pass, const Object& pod, const PodWorkers::View& view);
  void prepare_runtime();
  void on_pause_image(Result<std::optional<Image>> found);
  void import_pause_image();
  void try_again(const Error& error);
  void tell(const PodWorkers::News& news);
  std::optional<PodWorkers::View> find_pod(const std::string& uid) const;

  bus::Ports ports_;
  Runtime& runtime_;
  KubeletOptions options_;
  kit::Client client_;
  kit::Informer pods_;
  kit::Recorder recorder_;
  NodeAgent node_;
  UsageReporter usage_;
  kit::Reconciler reconciler_;
  LastKnown known_;
  PodWorkers workers_;
  LogKeeper logs_;
  std::map<std::string, std::string> keys_;  // of Pods, by uid
  std::set<std::string> recalled_;           // uids of those that only the disk knows
  std::unique_ptr<bus::Timer> forget_timer_;
  std::unique_ptr<StreamService> streams_;
  std::unique_ptr<bus::Timer> prepare_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
