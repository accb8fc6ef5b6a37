// The hooks and probes of PodWorkers: what is asked of containers that run.
#include <algorithm>

#include "agents/kubelet/pods/desired.h"
#include "agents/kubelet/pods/pod_workers.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::chrono::hours kLongestPostStart{1};
constexpr int64_t kLeastAfterHook = 2;  // seconds between the end of preStop and the kill

template <class List>
const core::v1::ContainerStatus* status_in(const List* list, std::string_view name) {
  if (!list) return nullptr;
  for (const core::v1::ContainerStatus* s : *list) {
    if (s->name() && s->name()->string_view() == name) return s;
  }
  return nullptr;
}

// What the Pod's status says of this very run.
Health::Before before_of(const Object& pod, const ContainerStatus& run) {
  const auto* status = pod.as<core::v1::Pod>()->status();
  if (!status) return {};
  const auto* known = status_in(status->container_statuses(), run.name);
  if (!known) known = status_in(status->init_container_statuses(), run.name);
  if (!known || !known->container_id()) return {};
  std::string_view id = known->container_id()->string_view();
  size_t scheme = id.find("://");
  if (scheme == std::string_view::npos || id.substr(scheme + 3) != run.id) return {};
  return {known->started().value_or(false), known->ready().value_or(false)};
}

std::string why_killed(const std::string& container, ProbeKind probe) {
  std::string kind = probe == ProbeKind::kStartup ? "startup" : "liveness";
  return "Container " + container + " failed " + kind + " probe, will be restarted";
}

}  // namespace

// ---- probes ----

void PodWorkers::look_at_runs(const std::string& uid, Worker& worker, const DesiredPod& desired,
                              const ObservedPod& observed) {
  for (const DesiredContainer& c : desired.containers) {
    const ContainerStatus* last = observed.latest(c.name);
    if (last && runs(*last)) {
      look_at_run(uid, worker, desired, *last);
    } else {
      prober_.forget({uid, c.name});
    }
  }
}

void PodWorkers::look_at_run(const std::string& uid, Worker& worker, const DesiredPod& desired,
                             const ContainerStatus& run) {
  RunMemory& memory = worker.memory.containers[run.name].run;
  if (memory.id != run.id) memory = {.id = run.id};
  if (!memory.hooked) return;
  Prober::Key key{uid, run.name};
  const Health* health = prober_.health(key, run.id);
  const auto* container = health ? nullptr : container_of(*worker.pod, run.name);
  if (container) {
    prober_.watch(key, {{run.id, facts_of(uid).pod_ip}, run.started_at}, probes_of(*container),
                  before_of(*worker.pod, run));
    health = prober_.health(key, run.id);
  }
  if (!health) return;
  if (desired.terminating || worker.memory.ending_since > 0) prober_.set_ending(key);
  memory.started = health->started();
  memory.ready = health->ready();
  if (!health->kill() || !memory.kill_why.empty()) return;
  memory.kill_why = why_killed(run.name, health->kill()->probe);
  memory.kill_grace = health->kill()->grace;
}

// ---- postStart ----

void PodWorkers::post_start(const std::string& uid, const std::string& container,
                            const std::string& id) {
  Worker* worker = find(uid);
  tell(uid, container, false, "Started", "Started container " + container);
  const auto* c = worker && worker->pod ? container_of(*worker->pod, container) : nullptr;
  if (!c) return;
  auto hook = hooks_of(*c).post_start;
  if (!hook) return;
  worker->memory.containers[container].run = {.id = id, .hooked = false};
  checker_.run(
      *hook, {id, facts_of(uid).pod_ip}, kLongestPostStart,
      [this, uid, container, id](const Verdict& v) { on_post_start(uid, container, id, v); });
}

void PodWorkers::on_post_start(const std::string& uid, const std::string& container,
                               const std::string& id, const Verdict& verdict) {
  Worker* worker = find(uid);
  if (!worker || worker->memory.containers[container].run.id != id) return;
  RunMemory& run = worker->memory.containers[container].run;
  if (verdict.good) {
    run.hooked = true;
  } else {
    tell(uid, container, true, "FailedPostStartHook", "PostStart hook failed: " + verdict.message);
    run.kill_why = "Container " + container + " failed its postStart hook, will be killed";
  }
  mark(uid);
}

// ---- preStop ----

void PodWorkers::stop_container(const std::string& uid, const Action& action) {
  ContainerMemory& m = memory_of(uid, action.container);
  bool first = !m.stopping;
  m.busy = true;
  m.stopping = action.asked;
  ++m.stops;
  if (!first) return stop_now(uid, action);
  const RunMemory* run = m.of_run(action.id);
  tell(uid, action.container, false, "Killing",
       run && !run->kill_why.empty() ? run->kill_why : "Stopping container " + action.container);
  stop_politely(uid, action);
}

void PodWorkers::stop_politely(const std::string& uid, const Action& action) {
  Worker& worker = workers_[uid];
  const auto* c = worker.pod ? container_of(*worker.pod, action.container) : nullptr;
  auto hook = c ? hooks_of(*c).pre_stop : std::nullopt;
  if (!hook || action.grace <= 0) return stop_now(uid, action);
  bus::Instant began = ports_.clock.now();
  uint64_t number = memory_of(uid, action.container).stops;
  auto done = [this, uid, action, began, number](const Verdict& v) {
    if (!v.good)
      tell(uid, action.container, true, "FailedPreStopHook", "PreStop hook failed: " + v.message);
    Worker* w = find(uid);
    // Another stop, with less patience, has overtaken this one.
    if (!w || w->memory.containers[action.container].stops != number) return;
    Action rest = action;
    int64_t spent = (ports_.clock.now() - began).count() / kSecond;
    rest.grace = std::max(action.grace - spent, std::min(action.grace, kLeastAfterHook));
    stop_now(uid, rest);
  };
  checker_.run(*hook, {action.id, facts_of(uid).pod_ip}, std::chrono::seconds(action.grace), done);
}

void PodWorkers::stop_now(const std::string& uid, const Action& action) {
  uint64_t number = memory_of(uid, action.container).stops;
  runtime_.stop_container(action.id, action.grace, held([this, uid, action, number](Status s) {
                            if (!s) ports_.log.warn("pod " + uid + ": " + s.error().message);
                            on_stopped(uid, action, number);
                          }));
}

void PodWorkers::on_stopped(const std::string& uid, const Action& action, uint64_t number) {
  std::string sandbox;
  for (const ContainerStatus& c : runtime_view_.of(uid).containers) {
    if (c.id == action.id) sandbox = c.sandbox_id;
  }
  runtime_view_.refresh_container(action.id, sandbox, held([this, uid, action, number] {
                                    Worker* w = find(uid);
                                    if (!w) return;
                                    ContainerMemory& m = w->memory.containers[action.container];
                                    if (m.stops != number) return;
                                    m.stopping.reset();
                                    settle(uid, action.container, {}, "");
                                  }));
}

}  // namespace kubus::kubelet
