#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "agents/containerd/containerd.h"
#include "cli/cluster/config.h"
#include "cli/cluster/preflight.h"
#include "cli/supervisor/supervisor.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

constexpr int kLongestStopMs = 60'000;

Status stop_supervisor(pid_t pid) {
  int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return {};  // it ended meanwhile
  ::kill(pid, SIGTERM);
  pollfd p{fd, POLLIN, 0};
  int ended = ::poll(&p, 1, kLongestStopMs);
  ::close(fd);
  if (ended == 1) return {};
  return Error(Code::kTimeout, "process " + std::to_string(pid) +
                                   " did not stop within a minute; look into its logs");
}

// The proxy leaves its rules when it ends, so that Services answer while it starts anew.
Status remove_service_rules(const std::string& cluster) {
  std::string program = find_program("kubus-proxy"), name = cluster;
  char remove[] = "--remove";
  char* argv[] = {program.data(), remove, name.data(), nullptr};
  pid_t pid = 0;
  int error = ::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, environ);
  if (error != 0) return Error(Code::kInternal, program + ": " + std::strerror(error));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  return Error(Code::kInternal, "the rules of Services could not be removed; see above");
}

Status run(const Invocation& call) {
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto config = read_config(layout);
  if (!config) return config.error();
  pid_t pid = lock_owner(layout.lock());
  if (pid != 0) {
    if (Status s = stop_supervisor(pid); !s) return s;
  }
  if (!config->node.empty()) {
    if (Status s = remove_service_rules(config->name); !s) return s;
  }
  if (!config->node.empty() && config->runtime_endpoint.empty()) {
    if (Status s = agents::remove_leftovers(layout.containerd(), config->name); !s) return s;
    // Volumes in memory; their containers are gone.
    if (Status s = agents::unmount_below(layout.kubelet()); !s) return s;
  }
  std::printf(pid ? "stopped; `kubus up` starts it again with all that it remembers\n"
                  : "was not running\n");
  return {};
}

}  // namespace

const Command kDown{
    .name = "down",
    .summary = "stop the cluster and leave no process, mount, rule or interface behind",
    .usage = "kubus down [--state DIR]",
    .examples = "  kubus down\n  kubus down --state /srv/test\n",
    .run = run,
};

}  // namespace kubus::cli
