#include "agents/kubelet/probes/health.h"

#include <algorithm>

namespace kubus::kubelet {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFirstHurry = kSecond / 10;
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
  started_ = !of(ProbeKind::kStartup).probe || before.started;
  ready_ = was_ready_ = !of(ProbeKind::kReadiness).probe || before.ready;
  for (ProbeKind kind : kKinds) {
    Track& t = of(kind);
    if (!t.probe) continue;
    t.due = t.regular = now + std::max<int64_t>(t.probe->initial_delay * kSecond - age, 0);
    if (hurries(kind)) t.regular += kSecond;
  }
}

bool Health::hurries(ProbeKind kind) const {
  if (of(kind).probe->check.kind == Check::Kind::kExec) return false;  // those cost more
  if (kind == ProbeKind::kStartup) return !started_;
  return kind == ProbeKind::kReadiness && !was_ready_;
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
  t.early = hurries(kind) && now < t.regular;
  if (!t.early) t.regular = now + t.probe->period * kSecond;
  t.due = t.regular;
  if (hurries(kind)) t.due = std::min(t.due, now + (kFirstHurry << std::min(t.hurried++, 20)));
}

bool Health::answer(ProbeKind kind, bool good) {
  Track& t = of(kind);
  t.under_way = false;
  if (t.early && !good) return false;
  if (good) t.due = t.regular;
  t.streak = t.last == good ? t.streak + 1 : 1;
  t.last = good;
  if (t.streak < (good ? t.probe->success_threshold : t.probe->failure_threshold)) return false;
  return turn(kind, good);
}

bool Health::turn(ProbeKind kind, bool good) {
  was_ready_ |= kind == ProbeKind::kReadiness && good;
  if (kind == ProbeKind::kReadiness) return std::exchange(ready_, good) != good;
  if (good) return kind == ProbeKind::kStartup && !std::exchange(started_, true);
  if (kill_ || ending_) return false;
  kill_ = Kill{kind, of(kind).probe->grace};
  return true;
}

}  // namespace kubus::kubelet
