#include "agents/kubelet/probes/health.h"

#include <algorithm>

namespace kubus::kubelet {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::array kKinds = {ProbeKind::kStartup, ProbeKind::kLiveness, ProbeKind::kReadiness};

}  // namespace

const char* name_of(ProbeKind kind) {
  constexpr const char* kNames[] = {"Startup", "Liveness", "Readiness"};
  return kNames[static_cast<size_t>(kind)];
}

Health::Health(Probes probes, int64_t now, int64_t age, Before before) {
  of(ProbeKind::kStartup).probe = std::move(probes.startup);
  of(ProbeKind::kLiveness).probe = std::move(probes.liveness);
  of(ProbeKind::kReadiness).probe = std::move(probes.readiness);
  for (Track& t : tracks_) {
    if (t.probe) t.due = now + std::max<int64_t>(t.probe->initial_delay * kSecond - age, 0);
  }
  started_ = !of(ProbeKind::kStartup).probe || before.started;
  ready_ = !of(ProbeKind::kReadiness).probe || before.ready;
}

bool Health::wanted(ProbeKind kind) const {
  const Track& t = of(kind);
  if (!t.probe || t.under_way) return false;
  bool of_life = kind != ProbeKind::kReadiness;
  if (of_life && (ending_ || kill_)) return false;
  return (kind == ProbeKind::kStartup) != started_;
}

std::vector<ProbeKind> Health::due(int64_t now) const {
  std::vector<ProbeKind> out;
  for (ProbeKind kind : kKinds) {
    if (wanted(kind) && of(kind).due <= now) out.push_back(kind);
  }
  return out;
}

std::optional<int64_t> Health::next_due() const {
  std::optional<int64_t> out;
  for (ProbeKind kind : kKinds) {
    if (wanted(kind)) out = std::min(out.value_or(INT64_MAX), of(kind).due);
  }
  return out;
}

void Health::begin(ProbeKind kind, int64_t now) {
  Track& t = of(kind);
  t.under_way = true;
  t.due = now + t.probe->period * kSecond;
}

bool Health::answer(ProbeKind kind, bool good) {
  Track& t = of(kind);
  t.under_way = false;
  t.streak = t.last == good ? t.streak + 1 : 1;
  t.last = good;
  if (t.streak < (good ? t.probe->success_threshold : t.probe->failure_threshold)) return false;
  return turn(kind, good);
}

bool Health::turn(ProbeKind kind, bool good) {
  if (kind == ProbeKind::kReadiness) return std::exchange(ready_, good) != good;
  if (good) return kind == ProbeKind::kStartup && !std::exchange(started_, true);
  if (kill_ || ending_) return false;
  kill_ = Kill{kind, of(kind).probe->grace};
  return true;
}

}  // namespace kubus::kubelet
