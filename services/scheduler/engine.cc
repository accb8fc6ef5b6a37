#include "services/scheduler/engine.h"

#include <algorithm>

#include "schemas/core/v1/pod_generated.h"

namespace kubus::scheduler {
namespace {

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

std::string_view node_of(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  return spec ? view(spec->node_name()) : std::string_view();
}

bool finished(const Object& pod) {
  const auto* status = pod.as<core::v1::Pod>()->status();
  std::string_view phase = status ? view(status->phase()) : std::string_view();
  return phase == "Succeeded" || phase == "Failed";
}

bool is_ours(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  return profile_named(spec ? view(spec->scheduler_name()) : std::string_view()) != nullptr;
}

bool has_gates(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  return spec && spec->scheduling_gates() && spec->scheduling_gates()->size() > 0;
}

bool is_free(const Object& pod) {
  return pod && !pod.terminating() && node_of(pod).empty() && !finished(pod) && is_ours(pod);
}

}  // namespace

std::string key_of(const Object& pod) {
  std::string out(pod.ns());
  out += '/';
  out += pod.name();
  return out;
}

bool wants_node(const Object& pod) {
  return is_free(pod) && !has_gates(pod);
}

bool gated(const Object& pod) {
  return is_free(pod) && has_gates(pod);
}

Engine::Engine(bus::Random& random, size_t texts)
    : planner_(snapshot_, default_profile(), random), least_texts_(texts), most_texts_(texts) {}

// ---- what happens ----

void Engine::on_node(const Object& before, const Object& now, Revision revision, bus::Instant at) {
  on_change(now ? snapshot_.set_node(now) : snapshot_.remove_node(before.name()), revision, at);
  if (!now) call_nominated(before.name(), revision);
  if (snapshot_.names().size() > most_texts_) forget_old_texts(at);
}

void Engine::on_namespace(const Object& before, const Object& now, bus::Instant at) {
  Society& society = snapshot_.society();
  if (now ? society.set_namespace(now) : society.remove_namespace(before.name())) start_anew(at);
}

void Engine::on_pod(const Object& before, const Object& now, Revision revision, bus::Instant at) {
  std::string key = key_of(now ? now : before);
  if (before && now && before.uid() != now.uid()) {
    queue_.remove(key, at);
    give_up_nomination(key, revision, at);
  }
  bool occupies = now && !node_of(now).empty() && !finished(now);
  auto assumed = assumed_.find(key);
  if (assumed != assumed_.end()) {
    // Only the Pod's own event may say where it is, until then it counts where it was put.
    if (now && !occupies && assumed->second == now.uid() && !finished(now)) {
      return wait_for_node(key, now, revision);
    }
    assumed_.erase(assumed);
  }
  if (wants_node(now)) {
    wait_for_node(key, now, revision);
    follow_nomination(key, now);
  } else {
    queue_.remove(key, at);
    give_up_nomination(key, revision, at);
  }
  if (occupies) {
    count(key, now, revision, at);
  } else if (snapshot_.counts(key)) {
    condemned_.erase(key);
    on_change(snapshot_.take_away(key), revision, at);
  }
  if (snapshot_.names().size() > most_texts_) forget_old_texts(at);
}

void Engine::wait_for_node(const std::string& key, const Object& pod, Revision revision) {
  FolkPtr folk = snapshot_.society().folk_of(pod);
  DemandPtr demand = demand_of(pod, *folk);
  queue_.put(key, pod, std::move(demand), revision, std::move(folk));
}

// What the Pod's status says holds, but for what was decided since and is not written yet.
void Engine::follow_nomination(const std::string& key, const Object& pod) {
  const auto* status = pod.as<core::v1::Pod>()->status();
  std::string_view node = status ? view(status->nominated_node_name()) : std::string_view();
  auto written = preempting_.find(key);
  if (written != preempting_.end()) {
    bool seen = written->second && pod.revision() >= written->second;
    if (!seen && node != nominations_.node_of(key)) return;
    preempting_.erase(written);
  }
  if (!node.empty()) {
    nominations_.set(key, pod, node);
  } else {
    nominations_.drop(key);
  }
}

void Engine::give_up_nomination(const std::string& key, Revision revision, bus::Instant at) {
  preempting_.erase(key);
  if (!nominations_.node_of(key).empty()) on_change(nominations_.drop(key), revision, at);
}

void Engine::count(const std::string& key, const Object& pod, Revision revision, bus::Instant at) {
  Guest guest = guest_of(pod, snapshot_.names(), snapshot_.society());
  auto condemned = condemned_.find(key);
  if (condemned != condemned_.end()) {
    if (guest.going || condemned->second.uid != guest.uid) {
      condemned_.erase(condemned);
    } else {
      guest.going = true;
    }
  }
  on_change(snapshot_.place(key, node_of(pod), std::move(guest)), revision, at);
}

void Engine::unbound(const std::string& key, std::string_view uid, bus::Instant at) {
  auto assumed = assumed_.find(key);
  if (assumed == assumed_.end() || assumed->second != uid) return;
  assumed_.erase(assumed);
  queue_.failed(key, at);
  on_change(snapshot_.take_away(key), {}, at);
}

void Engine::not_preempted(const Decision& d, bus::Instant at) {
  for (const Victim& v : d.victims) {
    auto condemned = condemned_.find(v.key);
    if (condemned == condemned_.end() || condemned->second.uid != v.uid) continue;
    condemned_.erase(condemned);
    snapshot_.set_going(v.key, false);
  }
  if (preempting_.erase(d.key) == 0) return;
  on_change(nominations_.drop(d.key), {}, at);
  queue_.failed(d.key, at);
}

void Engine::preempted(const Decision& d, Revision written) {
  auto at = preempting_.find(d.key);
  if (at != preempting_.end()) at->second = written;
}

// ---- deciding ----

std::vector<Decision> Engine::decide(size_t most, bus::Instant at) {
  std::vector<Decision> out;
  while (out.size() < most) {
    auto candidate = queue_.take(at);
    if (!candidate) break;
    if (!wants_node(candidate->pod)) {
      queue_.remove(candidate->key, at);
      continue;
    }
    understand(&*candidate);
    Decision d{.key = candidate->key,
               .pod = candidate->pod,
               .causes = std::move(candidate->causes),
               .attempts = candidate->attempts};
    nominations_.look_from(candidate->demand->priority);
    if (auto row = find_place(*candidate)) {
      put_on(*candidate, *row, &d, at);
      out.push_back(std::move(d));
    } else {
      refuse(*candidate, &d, &out, at);
    }
  }
  return out;
}

// Others may have come to mind such Pods since it was queued.
void Engine::understand(Candidate* c) {
  if (!c->folk || snapshot_.society().bonds(*c->folk).size() == c->demand->bonds.size()) return;
  c->demand = demand_of(c->pod, *c->folk);
  queue_.set_demand(c->key, c->demand);
}

// The node that was kept for it, else the best.
std::optional<Row> Engine::find_place(const Candidate& c) {
  if (nominations_.empty()) return planner_.place(c.demand);
  Nominations::Aside aside(nominations_, c.key);
  std::string kept = nominations_.node_of(c.key);
  auto row = kept.empty() ? std::nullopt : snapshot_.find(snapshot_.names().find(kept));
  if (row && planner_.refused_on(c.demand, *row) == kNothing) return row;
  return planner_.place(c.demand);
}

void Engine::put_on(const Candidate& c, Row row, Decision* d, bus::Instant at) {
  d->node = snapshot_.name(row);
  preempting_.erase(d->key);
  Change left = nominations_.drop(d->key);
  Guest guest{.load = c.demand->load,
              .folk = c.folk,
              .priority = c.demand->priority,
              .uid = std::string(c.pod.uid())};
  Change came = snapshot_.place(d->key, d->node, std::move(guest));
  assumed_[d->key] = d->pod.uid();
  queue_.placed(d->key, at);
  if (left.helps != kNothing && left.row != row) on_change(left, {}, at);
  on_change(came, {}, at);
}

void Engine::refuse(const Candidate& c, Decision* d, std::vector<Decision>* out, bus::Instant at) {
  Refusal refusal;
  std::string kept = nominations_.node_of(c.key);
  {
    Nominations::Aside aside(nominations_, c.key);
    refusal = planner_.explain(c.demand);
    make_room(c, &refusal, d);
  }
  d->why = std::move(refusal.why);
  auto others = queue_.refused(d->key, refusal.woken_by, d->why, at);
  out->push_back(*d);
  auto left = kept.empty() || !d->nominated.empty() ? std::nullopt
                                                    : snapshot_.find(snapshot_.names().find(kept));
  if (left) on_change({*left, kFreed | kPortsFreed | kPodLeft, c.folk}, {}, at);
  for (Candidate& o : others) {
    out->push_back({.key = o.key,
                    .pod = o.pod,
                    .why = d->why,
                    .causes = d->causes,
                    .attempts = o.attempts,
                    .tried = false,
                    .nominated = nominations_.node_of(o.key)});
  }
}

// Those whose leaving it waits for are still on the node that is kept for it.
bool Engine::room_is_being_made(const Candidate& c) const {
  std::string node = nominations_.node_of(c.key);
  auto row = node.empty() ? std::nullopt : snapshot_.find(snapshot_.names().find(node));
  if (!row || !snapshot_.facts(*row).present) return false;
  const auto& guests = snapshot_.guests(*row);
  return std::any_of(guests.begin(), guests.end(), [&](const Snapshot::Placed* p) {
    const Guest& guest = p->second.guest;
    return guest.going && !guest.promised && guest.priority < c.demand->priority;
  });
}

void Engine::make_room(const Candidate& c, Refusal* refusal, Decision* d) {
  if (room_is_being_made(c)) {
    d->nominated = nominations_.node_of(c.key);
    return;
  }
  int32_t priority = c.demand->priority;
  bool somebody_below = snapshot_.lowest_priority() < priority;
  auto found = c.demand->preempts && somebody_below ? planner_.preempt(c.demand) : std::nullopt;
  if (!found) {
    if (somebody_below && c.demand->preempts)
      refusal->why += " preemption: " + planner_.why_no_preemption(c.demand);
    preempting_.erase(c.key);
    nominations_.drop(c.key);
    return;
  }
  d->nominated = snapshot_.name(found->row);
  d->preempts = true;
  for (const Snapshot::Placed* p : found->victims) {
    d->victims.push_back({p->first, p->second.guest.uid});
  }
  std::sort(d->victims.begin(), d->victims.end(),
            [](const Victim& a, const Victim& b) { return a.key < b.key; });
  for (const Victim& v : d->victims) {
    condemned_[v.key] = v;
    snapshot_.set_going(v.key, true);
  }
  for (const std::string& other : nominations_.on(d->nominated)) {
    if (other == c.key || nominations_.priority_of(other) >= priority) continue;
    preempting_.erase(other);
    nominations_.drop(other);
    queue_.call(other, {});
  }
  nominations_.drop(c.key);
  nominations_.set(c.key, c.pod, d->nominated);
  preempting_.emplace(c.key, Revision());
}

// ---- what follows from what happened ----

void Engine::on_change(const Change& change, Revision revision, bus::Instant at) {
  queue_.wake(change.helps, revision, at, [&](const DemandPtr& demand) {
    bool promised =
        change.row < snapshot_.rows() && nominations_.any_on(snapshot_.name(change.row));
    if (promised || demand->looks_around()) nominations_.look_from(demand->priority);
    if (!demand->looks_around()) return planner_.refused_on(demand, change.row);
    // A part of the cluster may suit it now, not only this node.
    bool by_pods = !(change.helps & ~(kFreed | kPortsFreed | kPodCame | kPodLeft));
    bool concerned = !by_pods || !change.folk ||
                     Neighbours::concerns(snapshot_.society(), *demand, *change.folk);
    if (concerned) return planner_.refused_everywhere(demand);
    if (!(change.helps & (kFreed | kPortsFreed))) return Helps{kPodCame | kPodLeft};
    Helps needs = planner_.refused_by_node(*demand, change.row);
    return needs != kNothing ? needs | kPodCame | kPodLeft : planner_.refused_everywhere(demand);
  });
  if (change.helps != kNothing && !nominations_.empty() && change.row < snapshot_.rows())
    call_nominated(snapshot_.name(change.row), revision);
}

// Those that wait for their place on the node and have it now, or wait there for nobody any more.
void Engine::call_nominated(std::string_view node, Revision revision) {
  auto row = snapshot_.find(snapshot_.names().find(node));
  for (const std::string& pod : nominations_.on(node)) {
    const Candidate* c = queue_.waiting(pod);
    if (!c) continue;
    if (room_is_being_made(*c)) {
      nominations_.look_from(c->demand->priority);
      Nominations::Aside aside(nominations_, pod);
      if (!row || planner_.refused_on(c->demand, *row) != kNothing) continue;
    }
    queue_.call(pod, revision);
  }
}

DemandPtr Engine::demand_of(const Object& pod, const Folk& folk) {
  return demands_.of(pod, folk, snapshot_.names(), snapshot_.society());
}

void Engine::start_anew(bus::Instant at) {
  planner_.reset();
  queue_.recompile(
      [this](const Object& pod) { return demand_of(pod, *snapshot_.society().folk_of(pod)); }, at);
}

void Engine::forget_old_texts(bus::Instant at) {
  planner_.reset();
  snapshot_.renumber();
  demands_ = {};
  start_anew(at);
  most_texts_ = std::max(least_texts_, 2 * snapshot_.names().size());
}

}  // namespace kubus::scheduler
