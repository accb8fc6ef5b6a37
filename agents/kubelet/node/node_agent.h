// Keeps this machine's Node object true: registers it, reports whether it can run Pods, and tells
// the runtime the Pod network. Heartbeats on the bus, renews its Lease. Loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/node/node_object.h"
#include "bus/kit/client.h"
#include "bus/kit/informer.h"
#include "bus/kit/reconciler.h"
#include "bus/kit/recorder.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

struct NodeOptions {
  std::string name, address, version;
  Machine machine;
  std::string stream_endpoint, stream_key;  // empty: it serves no byte streams
  std::string state_dir;                    // whose disk is looked at; "" : none
  // How often its Lease is renewed; heartbeats go every ten seconds whatever this says.
  bus::Duration renew_every = std::chrono::seconds(10);
};

class NodeAgent {
 public:
  // All outlive it.
  NodeAgent(bus::Ports ports, kit::Client& client, kit::Recorder& recorder, Runtime& runtime,
            NodeOptions options);
  void start();
  // Whatever must be there before Pods can run is (the sandbox's image): until then it is not
  // Ready.
  void set_prepared(Status prepared);
  const std::string& runtime_name() const { return report_.runtime.name; }

 private:
  void reconcile(kit::Pass& pass);
  void on_version(Result<RuntimeVersion> version);
  void on_runtime_timeout();
  void look_at_machine();
  void look_at_images();
  void on_runtime_status(Result<RuntimeState> state);
  void on_heartbeat_timeout();
  void renew_lease();
  void on_renewed(const Result<Object>& lease);
  void create_lease();
  void judge();
  Object node() const { return nodes_.find("", report_.name); }

  template <class F>
  auto held(F f) {
    return [alive = std::weak_ptr<bool>(alive_), f = std::move(f)](auto... a) {
      if (!alive.expired()) f(std::move(a)...);
    };
  }

  bus::Ports ports_;
  kit::Client& client_;
  kit::Recorder& recorder_;
  Runtime& runtime_;
  kit::Informer nodes_;
  kit::Reconciler reconciler_;
  NodeReport report_;
  Status prepared_;
  RuntimeState state_;
  std::string told_cidr_, state_dir_;
  bus::Instant images_listed_;
  bus::Duration renew_every_;
  std::optional<bus::Instant> renewed_;
  bool images_known_ = false;
  std::unique_ptr<bus::Timer> runtime_timer_, heartbeat_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
