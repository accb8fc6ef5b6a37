#include "agents/kubelet/probes/prober.h"

#include <algorithm>

namespace kubus::kubelet {

Prober::Prober(bus::Ports ports, Checker& checker, Handlers handlers)
    : ports_(ports), checker_(checker), handlers_(std::move(handlers)) {}

void Prober::watch(const Key& key, const Target& target, const Probes& probes,
                   Health::Before before) {
  int64_t age = std::max<int64_t>(ports_.clock.wall_ns() - target.started_at, 0);
  Health health(probes, ports_.clock.now().ns, age, before);
  runs_.erase(key);
  Run& run =
      runs_.emplace(key, Run{target, std::move(health), ++numbers_, {}, nullptr}).first->second;
  schedule(key, run);
}

void Prober::set_ending(const Key& key) {
  auto run = runs_.find(key);
  if (run == runs_.end()) return;
  run->second.health.set_ending();
  schedule(key, run->second);
}

void Prober::forget(const Key& key) {
  runs_.erase(key);
}

void Prober::forget_pod(const std::string& uid) {
  auto first = runs_.lower_bound({uid, ""}), last = first;
  while (last != runs_.end() && last->first.uid == uid) ++last;
  runs_.erase(first, last);
}

const Health* Prober::health(const Key& key, std::string_view container_id) const {
  auto run = runs_.find(key);
  bool this_one = run != runs_.end() && run->second.target.where.container_id == container_id;
  return this_one ? &run->second.health : nullptr;
}

void Prober::schedule(const Key& key, Run& run) {
  auto due = run.health.next_due();
  run.timer.reset();
  if (!due) return;
  bus::Duration delay(std::max<int64_t>(*due - ports_.clock.now().ns, 0));
  run.timer = ports_.clock.after(delay, [this, key] { on_due(key); });
}

void Prober::on_due(const Key& key) {
  Run& run = runs_.at(key);
  int64_t now = ports_.clock.now().ns;
  for (ProbeKind kind : run.health.due(now)) {
    run.health.begin(kind, now);
    lane_of(run, kind).waiting.push_back({key, run.number, kind});
  }
  schedule(key, run);
  for (Lane* lane : {&commands_, &slow_commands_, &connections_, &slow_connections_}) next(*lane);
}

Prober::Lane& Prober::lane_of(const Run& run, ProbeKind kind) {
  bool command = run.health.probe(kind).check.kind == Check::Kind::kExec;
  if (run.slow[static_cast<size_t>(kind)]) return command ? slow_commands_ : slow_connections_;
  return command ? commands_ : connections_;
}

Prober::Run* Prober::find(const Try& t) {
  auto run = runs_.find(t.key);
  return run != runs_.end() && run->second.number == t.number ? &run->second : nullptr;
}

void Prober::next(Lane& lane) {
  while (lane.busy < lane.most && !lane.waiting.empty()) {
    Try t = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    if (Run* run = find(t)) start(lane, t, *run);
  }
}

void Prober::start(Lane& lane, const Try& t, Run& run) {
  ++lane.busy;
  const Probe& probe = run.health.probe(t.kind);
  checker_.run(probe.check, run.target.where, std::chrono::seconds(probe.timeout),
               [this, &lane, t](const Verdict& v) { on_verdict(lane, t, v); });
}

void Prober::on_verdict(Lane& lane, const Try& t, const Verdict& verdict) {
  --lane.busy;
  next(lane);
  Run* run = find(t);
  if (!run) return;
  run->slow[static_cast<size_t>(t.kind)] = verdict.cut;
  bool counts = verdict.good || !run->health.is_early(t.kind);
  bool changed = run->health.answer(t.kind, verdict.good);
  schedule(t.key, *run);
  if (!verdict.good && counts) handlers_.failed(t.key, t.kind, verdict.message);
  if (changed) handlers_.changed(t.key);
}

}  // namespace kubus::kubelet
