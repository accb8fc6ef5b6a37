// What the store tells this node to serve as byte streams: logs, exec, attach and forwarded ports.
// The store has authorized each, and the ticket lets nobody else in. Loop thread only.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/pods/pod_workers.h"
#include "agents/kubelet/stream/log_stream.h"
#include "bus/ports/ports.h"
#include "bus/stream/bridge.h"
#include "bus/stream/ports.h"

namespace kubus::wire {
struct StreamCommand;
struct StreamCommandT;
}  // namespace kubus::wire

namespace kubus::kubelet {

class StreamService {
 public:
  // What runs of the Pod with that uid; nullopt: this node knows no such Pod.
  using FindPod = std::function<std::optional<PodWorkers::View>(const std::string& uid)>;

  StreamService(bus::Ports ports, Runtime& runtime, stream::StreamHost& host,
                const bus::Subjects& subjects, Identity identity, FindPod find);
  ~StreamService();
  StreamService(const StreamService&) = delete;

  size_t serving() const { return logs_.size() + bridges_.size(); }

 private:
  using Opened = std::unique_ptr<stream::Stream>;
  using Command = std::shared_ptr<const wire::StreamCommandT>;

  void on_command(const bus::Message& message);
  void serve(const Command& command, Opened opened);
  void serve_log(const wire::StreamCommandT& c, const PodWorkers::View& view, Opened opened);
  struct Waiting;
  using OnRuntimeStream = Runtime::Done<Opened>;
  std::shared_ptr<Waiting> hold(Opened opened);
  OnRuntimeStream joiner(std::shared_ptr<Waiting> waiting);
  void serve_process(const Command& c, const PodWorkers::View& view, Opened opened);
  void serve_port(const Command& c, const PodWorkers::View& view, Opened opened);
  // The run whose log is meant.
  Result<const ContainerStatus*> run_of(const wire::StreamCommandT& c,
                                        const PodWorkers::View& view) const;
  bool runs_still(const std::string& uid, const std::string& container_id) const;

  bus::Ports ports_;
  Runtime& runtime_;
  stream::StreamHost& host_;
  Identity identity_;
  FindPod find_;
  std::list<std::unique_ptr<LogStream>> logs_;
  std::list<std::unique_ptr<stream::Bridge>> bridges_;
  std::unique_ptr<bus::Subscription> commands_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
