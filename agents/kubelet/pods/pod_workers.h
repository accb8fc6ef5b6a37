// Runs Pods: for each, plans against what the runtime has and sends the actions; plans again
// whenever one completes, the Pod changes, the runtime shows something new or time has come. Needs
// no bus to keep going. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/logs/log_keeper.h"
#include "agents/kubelet/offline/last_known.h"
#include "agents/kubelet/pods/configs.h"
#include "agents/kubelet/pods/plan.h"
#include "agents/kubelet/pods/pod_supply.h"
#include "agents/kubelet/pods/runtime_view.h"
#include "agents/kubelet/probes/prober.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

class PodWorkers {
 public:
  // Called with a uid when its status may have changed, or nothing is left of it.
  using OnDirty = std::function<void(const std::string& uid)>;

  // Called with what has happened to a Pod and is worth an Event.
  struct News {
    const Object& pod;
    bool warning = false;
    std::string reason, message;
    std::string field;  // "spec.containers{web}", or ""
  };
  using Tell = std::function<void(const News&)>;

  // All outlive it.
  struct Edges {
    Runtime& runtime;
    Network& network;
    kit::Client& client;
    LastKnown& known;
  };

  PodWorkers(bus::Ports ports, Edges edges, Identity identity, OnDirty on_dirty, Tell tell);
  // Does nothing to Pods before all are known, or `patience` is over.
  // Looks at the runtime every `look_every`, besides what its own operations tell.
  void start(bus::Duration patience, bus::Duration look_every);

  // The Pod as it is wanted now.
  void set(const Object& pod);
  // Nobody knows the Pod any more. `forced`: it was deleted while it was here, by whoever did not
  // want to wait.
  void unset(const std::string& uid, bool forced);
  // All Pods of this node are set: what else the runtime has of ours is an orphan from now on.
  void all_known();
  void forget_reference(std::string_view resource, std::string_view ns, std::string_view name);

  struct View {
    DesiredPod desired;
    ObservedPod observed;
    const PodMemory* memory = nullptr;
    bool gone = false;   // nothing is left of it in the runtime
    bool known = false;  // the runtime and it have been looked at: the view can be trusted
  };
  View view(const Object& pod) const;
  // The logs of what runs.
  std::vector<LogKeeper::Log> logs() const;

 private:
  struct Worker {
    std::optional<Object> pod;  // nullopt: an orphan
    PodMemory memory;
    std::map<std::string, Image> images;  // by container
    Supplies supplies;
    std::unique_ptr<bus::Timer> timer;
    bool waits_for_turn = false;  // for a sandbox, while others start
    bool gone = false, looked_at = false;
    bool forced = false;  // it was deleted before it had ended
  };

  void on_runtime_change(const std::string& uid);
  void mark(const std::string& uid);
  void on_dirty_timeout();
  void step(const std::string& uid);
  void act(const std::string& uid, const Action& action);
  int64_t grace_of(const Worker& worker, const ObservedPod& observed) const;

  void run_sandbox(const std::string& uid, const Action& action);
  void on_sandbox_run(const std::string& uid, Result<std::string> id);
  void stop_sandbox(const std::string& uid, const std::string& id);
  void remove_sandbox(const std::string& uid, const std::string& id);
  void ensure_image(const std::string& uid, const std::string& container);
  void on_image(const std::string& uid, const std::string& container, const std::string& policy,
                bool pulled, Result<std::optional<Image>> found);
  void pull(const std::string& uid, const std::string& container, const std::string& image);
  void resolve(const std::string& uid, const std::string& container);
  void on_resolved(const std::string& uid, const std::string& container, Result<Supplies> supplies);
  Status write_hosts(const std::string& uid) const;
  Status write_files(const std::string& uid, const Action& action) const;
  void create(const std::string& uid, const Action& action);
  void start_container(const std::string& uid, const Action& action);
  void stop_container(const std::string& uid, const Action& action);
  void remove_container(const std::string& uid, const Action& action);

  // ---- hooks and probes: pod_life.cc ----
  void look_at_runs(const std::string& uid, Worker& worker, const DesiredPod& desired,
                    const ObservedPod& observed);
  void look_at_run(const std::string& uid, Worker& worker, const DesiredPod& desired,
                   const ContainerStatus& run);
  void post_start(const std::string& uid, const std::string& container, const std::string& id);
  void on_post_start(const std::string& uid, const std::string& container, const std::string& id,
                     const Verdict& verdict);
  // Gives the container its preStop hook, if it has one, and then ends it.
  void stop_politely(const std::string& uid, const Action& action);
  void stop_now(const std::string& uid, const Action& action);
  void on_stopped(const std::string& uid, const Action& action, uint64_t number);

  // ---- Events: pod_news.cc ----
  void tell(const std::string& uid, const std::string& container, bool warning, const char* reason,
            const std::string& message);
  void tell_pulled(const std::string& uid, const std::string& container, const std::string& image,
                   bus::Duration took);
  void tell_failure(const std::string& uid, const std::string& container, const std::string& reason,
                    const std::string& message);
  void tell_held_back(const std::string& uid, Worker& worker, const DesiredPod& desired,
                      const ObservedPod& observed);
  void on_probe_failed(const Prober::Key& key, ProbeKind kind, const std::string& message);

  // The operation on this container is over; an error is kept as why it waits.
  void settle(const std::string& uid, const std::string& container, const Status& status,
              const char* reason);
  PodFacts facts_of(const std::string& uid) const;
  std::string last_words_of(const Object& pod, const ContainerStatus& run) const;
  std::string log_path(const std::string& uid, const ContainerStatus& run) const;
  Worker* find(const std::string& uid);
  ContainerMemory& memory_of(const std::string& uid, const std::string& container);
  void end_turn();
  // Runs only while this lives: the runtime may outlive it.
  template <class F>
  auto held(F f) {
    return [alive = std::weak_ptr<bool>(alive_), f = std::move(f)](auto... a) {
      if (!alive.expired()) f(std::move(a)...);
    };
  }

  bus::Ports ports_;
  Runtime& runtime_;
  Identity identity_;
  OnDirty on_dirty_;
  Tell tell_;
  Checker checker_;
  Prober prober_;
  RuntimeView runtime_view_;
  PodSupply supply_;
  std::map<std::string, Worker> workers_;
  std::set<std::string> dirty_;
  std::unique_ptr<bus::Timer> dirty_timer_;
  int starting_ = 0;  // sandboxes
  bool all_known_ = false, patient_ = true;
  std::unique_ptr<bus::Timer> patience_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
