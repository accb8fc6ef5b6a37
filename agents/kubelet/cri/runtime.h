// The container runtime as the kubelet sees it. Adapters: cri/ (any CRI runtime, over gRPC) and
// fake/ (in memory). Every call returns at once and calls its completion exactly once, later, on
// the loop thread; never after the Runtime is destroyed. Errors: kNotFound (no such sandbox,
// container or image), kTimeout, kUnavailable (the runtime does not answer), kInvalid (the runtime
// refuses the request), kInternal. Times are unix nanoseconds; 0: never.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/stream/stream.h"
#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

using Labels = std::map<std::string, std::string>;

struct PortMapping {
  std::string protocol = "TCP";  // TCP, UDP, SCTP
  int container_port = 0, host_port = 0;
  std::string host_ip;
};

struct DnsConfig {
  std::vector<std::string> servers, searches, options;
};

// Which of the node's namespaces are shared, and whether containers share process ids.
struct Sharing {
  bool host_network = false, host_pid = false, host_ipc = false, pod_pid = false;
};

struct SandboxConfig {
  std::string name, uid, ns;
  uint32_t attempt = 0;
  std::string hostname, log_directory, cgroup_parent;
  std::optional<DnsConfig> dns;  // nullopt: the node's
  std::vector<PortMapping> ports;
  Labels labels, annotations;
  std::map<std::string, std::string> sysctls;
  Sharing sharing;
  bool privileged = false;  // must be set if one of its containers is
  std::string runtime_handler;
};

struct Mount {
  std::string container_path, host_path;
  bool read_only = false;
  enum class Propagation : uint8_t { kPrivate, kHostToContainer, kBidirectional };
  Propagation propagation = Propagation::kPrivate;
};

struct Resources {
  int64_t cpu_period_us = 0, cpu_quota_us = 0, cpu_shares = 0;  // 0: unset
  int64_t memory_limit_bytes = 0, oom_score_adj = 0;
};

struct Security {
  bool privileged = false, read_only_root = false, no_new_privileges = false;
  std::optional<int64_t> run_as_user, run_as_group;
  std::string run_as_username;  // with run_as_group only, if no user is given by number
  std::vector<int64_t> supplemental_groups;
  std::vector<std::string> add_capabilities, drop_capabilities;
  bool unconfined = false;      // no seccomp filter
  std::string seccomp_profile;  // a file; "" : the runtime's own
  bool unmasked = false;        // sees all of /proc
  Sharing sharing;
};

struct ContainerConfig {
  std::string name;
  uint32_t attempt = 0;
  std::string image;  // the id that image_status() gave
  std::vector<std::string> command, args;
  std::string working_dir;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<Mount> mounts;
  Labels labels, annotations;
  std::string log_path;  // below the sandbox's log_directory
  bool stdin_open = false, stdin_once = false, tty = false;
  Resources resources;
  Security security;
};

struct SandboxStatus {
  std::string id, name, uid, ns;
  uint32_t attempt = 0;
  bool ready = false;
  int64_t created_at = 0;
  std::vector<std::string> ips;  // empty on the node's network, and in lists
  Labels labels, annotations;
};

enum class ContainerState : uint8_t { kCreated, kRunning, kExited, kUnknown };

struct ContainerStatus {
  std::string id, sandbox_id, name;  // sandbox_id: in lists only
  uint32_t attempt = 0;
  ContainerState state = ContainerState::kUnknown;
  int64_t created_at = 0;
  Labels labels, annotations;
  std::string image, image_ref;
  // Not in lists:
  int64_t started_at = 0, finished_at = 0;
  int exit_code = 0;
  std::string reason, message;
};

struct Image {
  std::string id;
  std::vector<std::string> tags, digests;
  uint64_t size = 0;
  std::optional<int64_t> uid;  // that it runs as, if it says so by number
  std::string user;            // or by name
};

struct Credentials {
  std::string user, password, server, identity_token, registry_token;
};

struct RuntimeState {
  bool runtime_ready = false, network_ready = false;
  std::string message;  // why not
};

struct RuntimeVersion {
  std::string name, version;
};

struct ExecResult {
  std::string out, err;
  int exit_code = 0;
};

struct Usage {
  std::string container_id;
  Labels labels;
  int64_t at = 0;
  uint64_t cpu_ns = 0, memory_bytes = 0;
};

// What a process's stream carries. With a terminal there is no error channel of its own.
struct StreamOptions {
  std::vector<std::string> command;  // of exec
  bool in = false, out = false, err = false, tty = false;
};

class Runtime {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  virtual ~Runtime() = default;

  virtual void version(Done<RuntimeVersion> done) = 0;
  virtual void status(Done<RuntimeState> done) = 0;
  // Tells the network which addresses this node's Pods get; runtimes configured otherwise ignore
  // it.
  virtual void set_pod_cidr(const std::string& cidr, Done<void> done) = 0;

  // Gives the sandbox's id.
  virtual void run_sandbox(const SandboxConfig& config, Done<std::string> done) = 0;
  // Ends its containers and frees its network. Stopping what is stopped or gone is no error; the
  // same for removals below.
  virtual void stop_sandbox(const std::string& id, Done<void> done) = 0;
  // Removes its containers too.
  virtual void remove_sandbox(const std::string& id, Done<void> done) = 0;
  virtual void sandbox_status(const std::string& id, Done<SandboxStatus> done) = 0;
  // Those that have all of `labels`.
  virtual void list_sandboxes(const Labels& labels, Done<std::vector<SandboxStatus>> done) = 0;

  virtual void create_container(const std::string& sandbox_id, const ContainerConfig& config,
                                const SandboxConfig& sandbox, Done<std::string> done) = 0;
  virtual void start_container(const std::string& id, Done<void> done) = 0;
  // Completes when it has ended: asked politely, after `grace_seconds` by force.
  virtual void stop_container(const std::string& id, int64_t grace_seconds, Done<void> done) = 0;
  virtual void remove_container(const std::string& id, Done<void> done) = 0;
  virtual void container_status(const std::string& id, Done<ContainerStatus> done) = 0;
  virtual void list_containers(const Labels& labels, Done<std::vector<ContainerStatus>> done) = 0;
  virtual void update_resources(const std::string& id, const Resources& resources,
                                Done<void> done) = 0;
  virtual void reopen_log(const std::string& id, Done<void> done) = 0;
  virtual void exec(const std::string& id, const std::vector<std::string>& command,
                    int64_t timeout_seconds, Done<ExecResult> done) = 0;
  // A stream to a new process in the container, to its first one, or to a port of the sandbox.
  // Its end tells the exit code. Whoever gets it must listen to it in that call.
  virtual void open_exec(const std::string& id, const StreamOptions& options,
                         Done<std::unique_ptr<stream::Stream>> done) = 0;
  virtual void open_attach(const std::string& id, const StreamOptions& options,
                           Done<std::unique_ptr<stream::Stream>> done) = 0;
  virtual void open_port(const std::string& sandbox_id, int port,
                         Done<std::unique_ptr<stream::Stream>> done) = 0;
  virtual void usage(const Labels& labels, Done<std::vector<Usage>> done) = 0;

  // nullopt: it is not here.
  virtual void image_status(const std::string& image, Done<std::optional<Image>> done) = 0;
  virtual void pull_image(const std::string& image, const Credentials& credentials,
                          Done<std::string> done) = 0;
  virtual void list_images(Done<std::vector<Image>> done) = 0;
  virtual void remove_image(const std::string& image, Done<void> done) = 0;
};

}  // namespace kubus::kubelet
