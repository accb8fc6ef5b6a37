#include "agents/kubelet/pods/plan.h"

#include <algorithm>
#include <map>

namespace kubus::kubelet {
namespace {

using Kind = Action::Kind;

constexpr int kRunsKept = 2;  // of each container: the present one and the one before

class Planner {
 public:
  Planner(const DesiredPod* desired, int64_t grace, const ObservedPod& observed,
          const PodMemory& memory, int64_t now)
      : pod_(desired), grace_(grace), observed_(observed), memory_(memory), now_(now) {}

  Plan run() {
    bool must_end = !pod_ || pod_->terminating || pod_->finished || overdue(*pod_, now_);
    if (must_end) {
      wind_down(!pod_ || pod_->terminating);
    } else {
      run_up();
      collect_garbage();
      if (pod_->deadline_seconds > 0 && pod_->started_at > 0)
        wake(pod_->started_at + pod_->deadline_seconds * 1'000'000'000);
    }
    return std::move(plan_);
  }

 private:
  // ---- towards nothing ----

  void wind_down(bool remove) {
    bool alive = false;
    for (const ContainerStatus& c : observed_.containers) {
      if (runs(c)) {
        alive = true;
        stop(c, grace_);
      } else if (c.state == ContainerState::kCreated && !memory_.of(c.name).busy) {
        alive = true;
        act({.kind = Kind::kRemoveContainer, .container = c.name, .id = c.id});
      }
    }
    if (alive || any_busy()) return;
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

  void stop(const ContainerStatus& c, int64_t grace) {
    const ContainerMemory& m = memory_.of(c.name);
    if (m.stopping && *m.stopping <= grace) return;
    if (m.busy && !m.stopping) return;
    act({.kind = Kind::kStopContainer, .container = c.name, .id = c.id, .grace = grace});
  }

  bool any_busy() const {
    if (memory_.sandbox_busy) return true;
    return std::any_of(memory_.containers.begin(), memory_.containers.end(),
                       [](const auto& m) { return m.second.busy; });
  }

  // ---- towards what is wanted ----

  void run_up() {
    const SandboxStatus* sandbox = observed_.sandbox();
    if (!sandbox || !sandbox->ready) return renew(sandbox);
    for (const DesiredContainer& c : pod_->containers) {
      bool passed = advance(c, *sandbox);
      if (c.init && !passed) return;
    }
  }

  // A sandbox of its own for a Pod that has none, or whose old one broke.
  void renew(const SandboxStatus* old) {
    if (memory_.sandbox_busy || all_done()) return;
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

  // Every container has ended for good: no reason for a new sandbox.
  bool all_done() const {
    bool any = false;
    for (const DesiredContainer& c : pod_->containers) {
      const ContainerStatus* last = observed_.latest(c.name);
      if (c.init && last && ended(*last) && failed_for_good(c, *last)) return true;
      if (c.init) continue;
      if (!last || !ended(*last) || wants_restart(*pod_, c, *last) || changed(c, *last))
        return false;
      any = true;
    }
    return any;
  }

  bool failed_for_good(const DesiredContainer& c, const ContainerStatus& last) const {
    bool well = last.state == ContainerState::kExited && last.exit_code == 0;
    return !well && !wants_restart(*pod_, c, last);
  }

  // It runs another image than is wanted now.
  static bool changed(const DesiredContainer& c, const ContainerStatus& last) {
    auto image = last.annotations.find(kImage);
    return image != last.annotations.end() && image->second != c.image;
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
        if (!here || changed(c, *last)) stop(*last, grace_);
        return here && c.sidecar;
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
    bool anew = changed(c, *last) || (c.init && !here && well);
    if (!anew && !wants_restart(*pod_, c, *last)) return false;
    int64_t due = anew ? now_ : restart_due(*last);
    if (now_ < due) return wake(due), false;
    start(c, sandbox, last->attempt + 1, streak_after(*last));
    return false;
  }

  void start(const DesiredContainer& c, const SandboxStatus& sandbox, uint32_t attempt,
             int streak) {
    const ContainerMemory& m = memory_.of(c.name);
    if (now_ < m.retry_at) return wake(m.retry_at);
    if (m.image_id.empty()) return act({.kind = Kind::kEnsureImage, .container = c.name});
    if (!m.resolved) return act({.kind = Kind::kResolve, .container = c.name});
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
