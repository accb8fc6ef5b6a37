#include "agents/kubelet/pods/plan.h"

#include <algorithm>
#include <map>

namespace kubus::kubelet {
namespace {

using Kind = Action::Kind;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kLeastGrace = 2;  // for those whose turn to end comes late
constexpr int kRunsKept = 2;        // of each container: the present one and the one before

class Planner {
 public:
  Planner(const DesiredPod* desired, int64_t grace, const ObservedPod& observed,
          const PodMemory& memory, int64_t now)
      : pod_(desired), grace_(grace), observed_(observed), memory_(memory), now_(now) {}

  Plan run() {
    bool must_end = !pod_ || pod_->terminating || pod_->finished || overdue(*pod_, now_);
    plan_.ending = must_end || all_done(*pod_, observed_);
    if (must_end) {
      wind_down(!pod_ || pod_->terminating);
    } else if (plan_.ending) {
      end_containers();
      collect_garbage();
    } else {
      run_up();
      collect_garbage();
      if (pod_->deadline_seconds > 0 && pod_->started_at > 0)
        wake(pod_->started_at + pod_->deadline_seconds * kSecond);
    }
    return std::move(plan_);
  }

 private:
  // ---- towards nothing ----

  void wind_down(bool remove) {
    if (end_containers() || any_busy()) return;
    bool network = false;
    for (const SandboxStatus& s : observed_.sandboxes) {
      if (!s.ready && memory_.stopped.count(s.id)) continue;
      if (!s.ready && !remove) continue;
      network = true;
      act({.kind = Kind::kStopSandbox, .id = s.id});
    }
    if (network || !remove) return;
    for (const SandboxStatus& s : observed_.sandboxes)
      act({.kind = Kind::kRemoveSandbox, .id = s.id});
    // Without a sandbox: what a removal left half done.
    if (observed_.sandboxes.empty()) {
      for (const ContainerStatus& c : observed_.containers)
        act({.kind = Kind::kRemoveContainer, .container = c.name, .id = c.id});
    }
    plan_.gone = observed_.sandboxes.empty() && observed_.containers.empty();
  }

  // First all but the sidecars, then those, the last one first. True: some are still there.
  bool end_containers() {
    bool alive = false;
    for (const ContainerStatus& c : observed_.containers) {
      if (is_sidecar(c.name)) continue;
      alive |= end(c);
    }
    if (alive || !pod_) return alive;
    for (auto c = pod_->containers.rbegin(); c != pod_->containers.rend(); ++c) {
      if (!c->sidecar) continue;
      for (const ContainerStatus& run : observed_.containers) {
        if (run.name == c->name && end(run)) return true;
      }
    }
    return false;
  }

  bool is_sidecar(const std::string& name) const {
    return pod_ && std::any_of(pod_->containers.begin(), pod_->containers.end(),
                               [&](const auto& c) { return c.sidecar && c.name == name; });
  }

  bool end(const ContainerStatus& c) {
    if (runs(c)) return stop(c, grace_, true), true;
    if (c.state != ContainerState::kCreated || memory_.of(c.name).busy) return false;
    act({.kind = Kind::kRemoveContainer, .container = c.name, .id = c.id});
    return true;
  }

  // `ending`: the grace counts from when the Pod began to end.
  void stop(const ContainerStatus& c, int64_t grace, bool ending = false) {
    const ContainerMemory& m = memory_.of(c.name);
    if (m.stopping && *m.stopping <= grace) return;
    if (m.busy && !m.stopping) return;
    int64_t left = grace;
    if (ending && memory_.ending_since > 0) {
      int64_t spent = (now_ - memory_.ending_since) / kSecond;
      left = std::clamp(grace - spent, std::min(grace, kLeastGrace), grace);
    }
    act({.kind = Kind::kStopContainer,
         .container = c.name,
         .id = c.id,
         .grace = left,
         .asked = grace});
  }

  bool any_busy() const {
    if (memory_.sandbox_busy) return true;
    return std::any_of(memory_.containers.begin(), memory_.containers.end(),
                       [](const auto& m) { return m.second.busy; });
  }

  // ---- towards what is wanted ----

  void run_up() {
    const SandboxStatus* sandbox = observed_.sandbox();
    if (!sandbox || !sandbox->ready) return renew(sandbox), prepare();
    bool open = initialized(*sandbox);
    for (const DesiredContainer& c : pod_->containers) {
      bool passed = advance(c, *sandbox) || (open && c.sidecar);
      if (c.init ? !passed : starts_alone(c)) return;
    }
  }

  // Once the others have begun, a sidecar that starts again keeps nobody waiting.
  bool initialized(const SandboxStatus& sandbox) const {
    return std::any_of(pod_->containers.begin(), pod_->containers.end(), [&](const auto& c) {
      const ContainerStatus* last = c.init ? nullptr : observed_.latest(c.name);
      return last && last->sandbox_id == sandbox.id;
    });
  }

  // Those after it wait for its postStart hook.
  bool starts_alone(const DesiredContainer& c) const {
    if (!c.post_start) return false;
    const ContainerMemory& m = memory_.of(c.name);
    const ContainerStatus* last = observed_.latest(c.name);
    if (!last || last->state == ContainerState::kCreated) return now_ >= m.retry_at;
    const RunMemory* run = m.of_run(last->id);
    return runs(*last) && run && !run->hooked && run->kill_why.empty();
  }

  // What the first containers need, while the sandbox is being made.
  void prepare() {
    for (const DesiredContainer& c : pod_->containers) {
      if (!observed_.latest(c.name) && !memory_.of(c.name).busy) fetch(c);
      if (c.init) return;
    }
  }

  // True: all that a start of it needs is at hand.
  bool fetch(const DesiredContainer& c) {
    const ContainerMemory& m = memory_.of(c.name);
    if (now_ < m.retry_at) return wake(m.retry_at), false;
    if (m.image_id.empty()) return act({.kind = Kind::kEnsureImage, .container = c.name}), false;
    if (!m.resolved) return act({.kind = Kind::kResolve, .container = c.name}), false;
    return true;
  }

  // A sandbox of its own for a Pod that has none, or whose old one broke.
  void renew(const SandboxStatus* old) {
    if (memory_.sandbox_busy) return;
    if (old) {
      bool alive = false;
      for (const ContainerStatus& c : observed_.containers) {
        if (!runs(c)) continue;
        alive = true;
        stop(c, grace_);
      }
      if (alive) return;
      if (!memory_.stopped.count(old->id)) return act({.kind = Kind::kStopSandbox, .id = old->id});
    }
    if (now_ < memory_.sandbox_retry_at) return wake(memory_.sandbox_retry_at);
    act({.kind = Kind::kRunSandbox, .attempt = old ? old->attempt + 1 : 0});
  }

  // One step for a container; true: an init container that those after it need not wait for.
  bool advance(const DesiredContainer& c, const SandboxStatus& sandbox) {
    const ContainerMemory& m = memory_.of(c.name);
    const ContainerStatus* last = observed_.latest(c.name);
    if (m.busy) return false;
    if (!last) return start(c, sandbox, 0, 0), false;
    bool here = last->sandbox_id == sandbox.id;
    switch (last->state) {
      case ContainerState::kRunning:
        return look_after(c, *last, here);
      case ContainerState::kCreated:
        if (now_ < m.retry_at) return wake(m.retry_at), false;
        act({.kind = here ? Kind::kStartContainer : Kind::kRemoveContainer,
             .container = c.name,
             .id = last->id});
        return false;
      default:
        break;
    }
    bool well = last->state == ContainerState::kExited && last->exit_code == 0;
    if (c.init && !c.sidecar && here && well) return true;
    // A new sandbox needs its init containers again.
    bool anew = image_changed(c, *last) || (c.init && !here && well);
    if (!anew && !wants_restart(*pod_, c, *last)) return false;
    int64_t due = anew ? now_ : restart_due(*last);
    if (now_ < due) return wake(due), false;
    start(c, sandbox, last->attempt + 1, streak_after(*last));
    return false;
  }

  // One that runs; true: those after it need not wait.
  bool look_after(const DesiredContainer& c, const ContainerStatus& last, bool here) {
    const RunMemory* run = memory_.of(c.name).of_run(last.id);
    if (!here || image_changed(c, last)) {
      stop(last, grace_);
    } else if (run && !run->kill_why.empty()) {
      stop(last, run->kill_grace.value_or(grace_));
    }
    return here && c.sidecar && run && run->started;
  }

  void start(const DesiredContainer& c, const SandboxStatus& sandbox, uint32_t attempt,
             int streak) {
    if (!fetch(c)) return;
    act({.kind = Kind::kCreateContainer,
         .container = c.name,
         .id = sandbox.id,
         .attempt = attempt,
         .streak = streak});
  }

  // ---- what is too old ----

  void collect_garbage() {
    std::map<std::string, int> kept;
    std::set<std::string> used;
    for (const ContainerStatus& c : observed_.containers) {
      bool old = ++kept[c.name] > kRunsKept && !runs(c);
      if (old && !memory_.of(c.name).busy) {
        act({.kind = Kind::kRemoveContainer, .container = c.name, .id = c.id});
      } else {
        used.insert(c.sandbox_id);
      }
    }
    for (size_t i = 1; i < observed_.sandboxes.size(); ++i) {
      const SandboxStatus& s = observed_.sandboxes[i];
      if (!s.ready && !used.count(s.id) && !memory_.sandbox_busy)
        act({.kind = Kind::kRemoveSandbox, .id = s.id});
    }
  }

  void act(Action action) {
    bool of_sandbox = action.kind == Kind::kRunSandbox || action.kind == Kind::kStopSandbox ||
                      action.kind == Kind::kRemoveSandbox;
    if (of_sandbox && memory_.sandbox_busy) return;
    // What a container, or the sandbox, is busy with is kept by name: one action of each at a
    // time, so that the end of one does not hide another.
    for (const Action& a : plan_.actions) {
      if (a.container == action.container) return;
    }
    if (action.kind == Kind::kRemoveContainer && memory_.of(action.container).busy) return;
    plan_.actions.push_back(std::move(action));
  }
  void wake(int64_t at) { plan_.again_at = plan_.again_at ? std::min(*plan_.again_at, at) : at; }

  const DesiredPod* pod_;
  int64_t grace_;
  const ObservedPod& observed_;
  const PodMemory& memory_;
  int64_t now_;
  Plan plan_;
};

}  // namespace

std::string to_string(const Action& a) {
  static constexpr const char* kNames[] = {"run sandbox",  "stop sandbox", "remove sandbox",
                                           "ensure image", "resolve",      "create",
                                           "start",        "stop",         "remove"};
  std::string out = kNames[static_cast<size_t>(a.kind)];
  if (!a.container.empty()) out += " " + a.container;
  if (!a.id.empty()) out += " " + a.id;
  if (a.kind == Kind::kRunSandbox || a.kind == Kind::kCreateContainer)
    out += " attempt=" + std::to_string(a.attempt);
  if (a.kind == Kind::kStopContainer) out += " grace=" + std::to_string(a.grace);
  return out;
}

Plan plan(const DesiredPod* desired, int64_t grace_seconds, const ObservedPod& observed,
          const PodMemory& memory, int64_t now) {
  return Planner(desired, grace_seconds, observed, memory, now).run();
}

}  // namespace kubus::kubelet
