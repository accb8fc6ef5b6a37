// Binds Pods to nodes: follows Pods and Nodes, lets the engine decide, sends what it decided. Of
// several schedulers one leads; the others keep their view and wait. Loop thread only.
#pragma once

#include <memory>
#include <optional>

#include "bus/kit/client.h"
#include "bus/kit/election.h"
#include "bus/kit/informer.h"
#include "bus/kit/recorder.h"
#include "bus/ports/ports.h"
#include "services/scheduler/binder.h"
#include "services/scheduler/engine.h"
#include "services/scheduler/evictor.h"
#include "services/scheduler/reporter.h"

namespace kubus::scheduler {

struct SchedulerOptions {
  kit::ClientOptions client;
  // Of the lease kube-system/kube-scheduler. Unlike any other scheduler's that runs; the same after
  // a restart, which then leads again at once.
  std::string identity;
  bus::Duration lease_ttl = std::chrono::seconds(15);
};

class Scheduler {
 public:
  Scheduler(bus::Ports ports, SchedulerOptions options);
  Scheduler(const Scheduler&) = delete;

  bool leads() const { return fence_.has_value(); }
  const Engine& engine() const { return engine_; }

 private:
  void on_pod(const kit::Informer::Change& change);
  void on_namespace(const kit::Informer::Change& change);
  void on_node(const kit::Informer::Change& change);
  void on_elected(const kit::Fence& fence);
  void on_lost();
  void on_progress();
  void on_turn();
  void on_answer(const Decision& decision, Binder::Outcome outcome);
  void on_preempted(const Decision& decision, bool done, Revision written);
  void ask_for_head();
  void on_head(uint64_t epoch, const Result<kit::Answer>& answer);
  bool may_decide() const;
  void act(std::vector<Decision> decisions);
  void arm();

  bus::Ports ports_;
  kit::Client client_;
  kit::Informer pods_, nodes_, namespaces_;
  kit::Recorder recorder_;
  Engine engine_;
  Binder binder_;
  Evictor evictor_;
  Reporter reporter_;
  std::optional<kit::Fence> fence_;
  // The Pods must be known up to here: the leader before may have bound some that are not seen yet.
  std::optional<Revision> head_;
  bool asks_for_head_ = false;
  std::unique_ptr<bus::Timer> turn_, head_timer_;
  bus::Instant turn_at_;
  kit::Election election_;  // ends first
};

}  // namespace kubus::scheduler
