#include "agents/kubelet/pods/pod_workers.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "agents/kubelet/pods/desired.h"
#include "agents/kubelet/volumes/volumes.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

constexpr int64_t kOrphanGrace = 30;
constexpr int64_t kForcedGrace = 1;  // whoever deletes by force does not wait
constexpr size_t kMostLastWords = 4096;
constexpr size_t kMostLogLines = 80, kMostLogBytes = 2048;  // in their place

std::string last_words(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string out(kMostLastWords, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return out;
}

int64_t grace_in(const Labels& annotations) {
  auto found = annotations.find(kGrace);
  int64_t grace = kOrphanGrace;
  if (found != annotations.end()) {
    const std::string& text = found->second;
    std::from_chars(text.data(), text.data() + text.size(), grace);
  }
  return std::max<int64_t>(grace, 0);
}

// A container that runs has none, however it came to.
void forget_troubles(const ObservedPod& observed, PodMemory* memory) {
  for (auto& [name, m] : memory->containers) {
    const ContainerStatus* last = observed.latest(name);
    if (!last || !runs(*last)) continue;
    m.reason.clear();
    m.message.clear();
    m.failures = 0;
    m.retry_at = 0;
  }
}

}  // namespace

PodWorkers::PodWorkers(bus::Ports ports, Edges edges, Identity identity, OnDirty on_dirty,
                       Tell tell)
    : ports_(ports),
      runtime_(edges.runtime),
      identity_(std::move(identity)),
      on_dirty_(std::move(on_dirty)),
      tell_(std::move(tell)),
      checker_(ports, edges.runtime, edges.network),
      prober_(ports, checker_,
              {.failed = [this](const Prober::Key& key, ProbeKind kind,
                                const std::string& why) { on_probe_failed(key, kind, why); },
               .changed = [this](const Prober::Key& key) { mark(key.uid); }}),
      runtime_view_(ports, edges.runtime, identity_.labels(),
                    [this](const std::string& uid) { on_runtime_change(uid); }),
      supply_(ports, edges.runtime, edges.client, edges.known, identity_,
              [this](const std::string& uid) { return facts_of(uid); }) {}

void PodWorkers::start(bus::Duration patience, bus::Duration look_every) {
  patience_timer_ = ports_.clock.after(patience, [this] {
    patient_ = false;
    for (const auto& [uid, worker] : workers_) mark(uid);
  });
  runtime_view_.start(look_every);
  supply_.start();
}

// ---- ways in ----

void PodWorkers::set(const Object& pod) {
  std::string uid(pod.uid());
  workers_[uid].pod = pod;
  if (!pod.terminating()) supply_.follow(pod);
  mark(uid);
}

void PodWorkers::unset(const std::string& uid, bool forced) {
  Worker* worker = find(uid);
  if (!worker) return;
  worker->pod.reset();
  worker->forced = forced;
  prober_.forget_pod(uid);
  mark(uid);
}

void PodWorkers::all_known() {
  all_known_ = true;
  supply_.forget_old();
  on_runtime_change("");
}

void PodWorkers::forget_reference(std::string_view resource, std::string_view ns,
                                  std::string_view name) {
  supply_.forget_reference(resource, ns, name);
  for (auto& [uid, worker] : workers_) {
    if (!worker.pod || worker.pod->ns() != ns) continue;
    for (auto& [container, memory] : worker.memory.containers) memory.retry_at = 0;
    mark(uid);
  }
}

// "" : everything has been seen.
void PodWorkers::on_runtime_change(const std::string& uid) {
  if (!uid.empty() && find(uid)) return mark(uid);
  if (!all_known_ || !runtime_view_.synced()) return;
  for (const std::string& orphan : runtime_view_.uids()) workers_.try_emplace(orphan);
  if (!uid.empty()) return mark(uid);
  // What is left of Pods that went while nobody looked: volumes, some of them mounted.
  std::error_code code;
  std::filesystem::directory_iterator left;
  if (identity_.on_disk()) left = std::filesystem::directory_iterator(identity_.pod_dir(""), code);
  for (const auto& entry : left) workers_.try_emplace(entry.path().filename().string());
  for (const auto& [each, worker] : workers_) mark(each);
}

void PodWorkers::mark(const std::string& uid) {
  dirty_.insert(uid);
  if (dirty_timer_) return;
  dirty_timer_ = ports_.clock.after(bus::Duration(0), [this] { on_dirty_timeout(); });
}

void PodWorkers::on_dirty_timeout() {
  dirty_timer_.reset();
  if (!runtime_view_.synced() || (patient_ && !all_known_)) return;
  for (const std::string& uid : std::exchange(dirty_, {})) step(uid);
}

PodWorkers::View PodWorkers::view(const Object& pod) const {
  static const PodMemory kNothing;
  View out{read_pod(pod), runtime_view_.of(std::string(pod.uid())), &kNothing};
  for (ContainerStatus& c : out.observed.containers) {
    if (ended(c) && c.message.empty()) c.message = last_words_of(pod, c);
  }
  auto worker = workers_.find(out.desired.uid);
  if (worker == workers_.end()) return out;
  out.known = worker->second.looked_at;
  out.memory = &worker->second.memory;
  out.gone = worker->second.gone;
  return out;
}

std::string PodWorkers::last_words_of(const Object& pod, const ContainerStatus& run) const {
  if (!identity_.on_disk()) return "";
  std::string uid(pod.uid());
  std::string words = last_words(termination_path(identity_, uid, run.name, run.attempt));
  const auto* c = words.empty() && run.exit_code != 0 ? container_of(pod, run.name) : nullptr;
  bool fall_back = c && c->termination_message_policy() &&
                   c->termination_message_policy()->string_view() == "FallbackToLogsOnError";
  return fall_back ? log_tail(log_path(uid, run), kMostLogLines, kMostLogBytes) : words;
}

std::string PodWorkers::log_path(const std::string& uid, const ContainerStatus& run) const {
  return identity_.log_dir(uid) + "/" + run.name + "/" + std::to_string(run.attempt) + ".log";
}

std::vector<LogKeeper::Log> PodWorkers::logs() const {
  std::vector<LogKeeper::Log> out;
  for (const auto& [uid, worker] : workers_) {
    for (const ContainerStatus& c : runtime_view_.of(uid).containers) {
      if (runs(c)) out.push_back({c.id, log_path(uid, c)});
    }
  }
  return out;
}

// ---- one step ----

void PodWorkers::step(const std::string& uid) {
  Worker* worker = find(uid);
  if (!worker) return;
  ObservedPod observed = runtime_view_.of(uid);
  std::optional<DesiredPod> desired;
  if (worker->pod) desired = read_pod(*worker->pod);
  forget_troubles(observed, &worker->memory);
  if (desired) look_at_runs(uid, *worker, *desired, observed);
  int64_t now = ports_.clock.wall_ns();
  int64_t grace = desired ? desired->grace_seconds : grace_of(*worker, observed);
  Plan next = plan(desired ? &*desired : nullptr, grace, observed, worker->memory, now);
  worker->gone = next.gone;
  worker->looked_at = true;
  int64_t since = worker->memory.ending_since;
  worker->memory.ending_since = !next.ending ? 0 : since > 0 ? since : now;
  if (desired) tell_held_back(uid, *worker, *desired, observed);
  for (const Action& action : next.actions) act(uid, action);
  worker->timer.reset();
  if (next.again_at) {
    bus::Duration delay(std::max<int64_t>(*next.again_at - now, 0));
    worker->timer = ports_.clock.after(delay, [this, uid] { mark(uid); });
  }
  on_dirty_(uid);
  if (!next.gone) return;
  supply_.drop(uid);
  std::error_code code;
  if (identity_.on_disk()) std::filesystem::remove_all(identity_.pod_dir(uid), code);
  if (!worker->pod) workers_.erase(uid);
}

int64_t PodWorkers::grace_of(const Worker& worker, const ObservedPod& observed) const {
  if (worker.forced) return kForcedGrace;
  if (!observed.containers.empty()) return grace_in(observed.containers[0].annotations);
  return observed.sandbox() ? grace_in(observed.sandbox()->annotations) : 0;
}

void PodWorkers::act(const std::string& uid, const Action& action) {
  switch (action.kind) {
    case Action::Kind::kRunSandbox:
      return run_sandbox(uid, action);
    case Action::Kind::kStopSandbox:
      return stop_sandbox(uid, action.id);
    case Action::Kind::kRemoveSandbox:
      return remove_sandbox(uid, action.id);
    case Action::Kind::kEnsureImage:
      return ensure_image(uid, action.container);
    case Action::Kind::kResolve:
      return resolve(uid, action.container);
    case Action::Kind::kCreateContainer:
      return create(uid, action);
    case Action::Kind::kStartContainer:
      return start_container(uid, action);
    case Action::Kind::kStopContainer:
      return stop_container(uid, action);
    case Action::Kind::kRemoveContainer:
      return remove_container(uid, action);
  }
}

// ---- small things ----

PodWorkers::Worker* PodWorkers::find(const std::string& uid) {
  auto found = workers_.find(uid);
  return found == workers_.end() ? nullptr : &found->second;
}

ContainerMemory& PodWorkers::memory_of(const std::string& uid, const std::string& container) {
  return workers_[uid].memory.containers[container];
}

PodFacts PodWorkers::facts_of(const std::string& uid) const {
  ObservedPod observed = runtime_view_.of(uid);
  std::string ip;
  if (observed.sandbox() && !observed.sandbox()->ips.empty()) ip = observed.sandbox()->ips[0];
  return {ip.empty() ? identity_.address : ip, identity_.address, identity_.node,
          identity_.cpu_milli, identity_.memory_bytes};
}

}  // namespace kubus::kubelet
