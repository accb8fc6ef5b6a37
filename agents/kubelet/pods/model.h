// What planning and status work on: what is wanted of a Pod, what the runtime has of it, and what
// this kubelet remembers about its own attempts. Times are unix nanoseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/kubelet/cri/runtime.h"

namespace kubus::kubelet {

// Labels by which the runtime's things are found again; the first four are known to other tools.
constexpr const char* kPodName = "io.kubernetes.pod.name";
constexpr const char* kPodNamespace = "io.kubernetes.pod.namespace";
constexpr const char* kPodUid = "io.kubernetes.pod.uid";
constexpr const char* kContainerName = "io.kubernetes.container.name";
constexpr const char* kCluster = "io.kubus.cluster";
constexpr const char* kNode = "io.kubus.node";
// Annotations. Streak: how often in a row it ended soon after its start, before this run.
constexpr const char* kStreak = "io.kubus.streak";
constexpr const char* kGrace = "io.kubus.grace";
constexpr const char* kImage = "io.kubus.image";  // as the Pod names it

struct DesiredContainer {
  std::string name, image, pull_policy;
  bool init = false;
  bool sidecar = false;             // an init container that runs on
  bool post_start = false;          // has such a hook
  std::string restart_policy = {};  // "" : the Pod's
};

struct DesiredPod {
  std::string ns, name, uid;
  std::string restart_policy = "Always";
  std::vector<DesiredContainer> containers;  // init containers first
  bool terminating = false;
  bool finished = false;  // its phase is final
  int64_t grace_seconds = 30;
  int64_t started_at = 0;        // status.startTime
  int64_t deadline_seconds = 0;  // spec.activeDeadlineSeconds; 0: none
};

// Both newest first.
struct ObservedPod {
  std::vector<SandboxStatus> sandboxes;
  std::vector<ContainerStatus> containers;

  const SandboxStatus* sandbox() const { return sandboxes.empty() ? nullptr : &sandboxes[0]; }
  // The newest run of that container; null: it never ran.
  const ContainerStatus* latest(std::string_view name) const;
  // The one before that.
  const ContainerStatus* previous(std::string_view name) const;
  void sort();
};

// One run of a container, as hooks and probes found it.
struct RunMemory {
  std::string id;      // of the container in the runtime
  bool hooked = true;  // its postStart hook, if it has one, has done its work
  bool started = false, ready = false;
  std::string kill_why;               // not "": it must be ended
  std::optional<int64_t> kill_grace;  // instead of the Pod's
};

struct ContainerMemory {
  bool busy = false;            // an operation on it is under way
  std::string image_id;         // present and, as the policy wants, looked for; cleared by a start
  bool resolved = false;        // all that it refers to is at hand; cleared by a start
  std::string reason, message;  // why it cannot start now
  int failures = 0;
  int64_t retry_at = 0;
  std::optional<int64_t> stopping;  // the whole grace that a stop under way was given
  uint64_t stops = 0;               // so far
  RunMemory run;
  std::string held_back;  // the run whose end was told to hold back the next

  // Null: nothing is known of that run.
  const RunMemory* of_run(std::string_view id) const { return run.id == id ? &run : nullptr; }
};

struct PodMemory {
  bool sandbox_busy = false;
  int64_t ending_since = 0;  // 0: it is not to end
  std::string sandbox_error;
  int sandbox_failures = 0;
  int64_t sandbox_retry_at = 0;
  std::set<std::string> stopped;  // sandboxes whose network is given back
  std::map<std::string, ContainerMemory, std::less<>> containers;

  const ContainerMemory& of(std::string_view name) const;
};

bool runs(const ContainerStatus& c);
bool ended(const ContainerStatus& c);
// Whether the policy wants another run after this one.
bool wants_restart(const DesiredPod& pod, const DesiredContainer& container,
                   const ContainerStatus& last);
// Runs in a row that ended soon, this one included.
int streak_after(const ContainerStatus& last);
// When a container that ended may run again.
int64_t restart_due(const ContainerStatus& last);
// Every container that counts has ended for good; only sidecars may still run.
bool all_done(const DesiredPod& pod, const ObservedPod& observed);
// It runs another image than is wanted now.
bool image_changed(const DesiredContainer& container, const ContainerStatus& run);
// Past its activeDeadlineSeconds.
bool overdue(const DesiredPod& pod, int64_t now);

}  // namespace kubus::kubelet
