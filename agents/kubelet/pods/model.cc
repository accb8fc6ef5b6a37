#include "agents/kubelet/pods/model.h"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace kubus::kubelet {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kLongRun = 600 * kSecond;  // after so long a run, a restart starts at once again
constexpr int64_t kFirstDelay = 10 * kSecond, kMostDelay = 300 * kSecond;

int streak_before(const ContainerStatus& c) {
  auto found = c.annotations.find(kStreak);
  int streak = 0;
  if (found != c.annotations.end()) {
    const std::string& text = found->second;
    std::from_chars(text.data(), text.data() + text.size(), streak);
  }
  return std::clamp(streak, 0, 1000);
}

}  // namespace

const ContainerStatus* ObservedPod::latest(std::string_view name) const {
  for (const ContainerStatus& c : containers) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

const ContainerStatus* ObservedPod::previous(std::string_view name) const {
  bool first = true;
  for (const ContainerStatus& c : containers) {
    if (c.name != name) continue;
    if (!first) return &c;
    first = false;
  }
  return nullptr;
}

void ObservedPod::sort() {
  auto newer = [](const auto& a, const auto& b) {
    return std::tie(a.created_at, a.attempt, a.id) > std::tie(b.created_at, b.attempt, b.id);
  };
  std::sort(sandboxes.begin(), sandboxes.end(), newer);
  std::sort(containers.begin(), containers.end(), newer);
}

const ContainerMemory& PodMemory::of(std::string_view name) const {
  static const ContainerMemory kNone;
  auto found = containers.find(name);
  return found == containers.end() ? kNone : found->second;
}

bool runs(const ContainerStatus& c) {
  return c.state == ContainerState::kRunning;
}

bool ended(const ContainerStatus& c) {
  return c.state == ContainerState::kExited || c.state == ContainerState::kUnknown;
}

bool wants_restart(const DesiredPod& pod, const DesiredContainer& container,
                   const ContainerStatus& last) {
  if (container.sidecar) return true;
  const std::string& own = container.restart_policy;
  const std::string& policy = own.empty() ? pod.restart_policy : own;
  if (policy == "Never") return false;
  bool well = last.state == ContainerState::kExited && last.exit_code == 0;
  if (container.init || policy == "OnFailure") return !well;
  return true;
}

int streak_after(const ContainerStatus& last) {
  bool long_run = last.started_at > 0 && last.finished_at - last.started_at >= kLongRun;
  return long_run ? 0 : streak_before(last) + 1;
}

int64_t restart_due(const ContainerStatus& last) {
  int streak = streak_after(last);
  if (streak <= 1) return last.finished_at;
  return last.finished_at + std::min(kFirstDelay << std::min(streak - 2, 10), kMostDelay);
}

bool image_changed(const DesiredContainer& container, const ContainerStatus& run) {
  auto image = run.annotations.find(kImage);
  return image != run.annotations.end() && image->second != container.image;
}

bool all_done(const DesiredPod& pod, const ObservedPod& observed) {
  bool any = false;
  for (const DesiredContainer& c : pod.containers) {
    const ContainerStatus* last = observed.latest(c.name);
    bool over = last && ended(*last) && !wants_restart(pod, c, *last) && !image_changed(c, *last);
    if (c.init) {
      bool well = over && last->state == ContainerState::kExited && last->exit_code == 0;
      if (over && !well) return true;
      continue;
    }
    if (!over) return false;
    any = true;
  }
  return any;
}

bool overdue(const DesiredPod& pod, int64_t now) {
  return pod.deadline_seconds > 0 && pod.started_at > 0 &&
         now >= pod.started_at + pod.deadline_seconds * kSecond;
}

}  // namespace kubus::kubelet
