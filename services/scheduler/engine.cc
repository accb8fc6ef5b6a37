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

void Engine::on_node(const Object& before, const Object& now, Revision revision, bus::Instant at) {
  if (!now) return snapshot_.remove_node(before.name());
  on_freed(snapshot_.set_node(now), revision, at);
  if (snapshot_.names().size() > most_texts_) forget_old_texts(at);
}

void Engine::on_pod(const Object& before, const Object& now, Revision revision, bus::Instant at) {
  std::string key = key_of(now ? now : before);
  if (before && now && before.uid() != now.uid()) queue_.remove(key, at);
  bool occupies = now && !node_of(now).empty() && !finished(now);
  auto assumed = assumed_.find(key);
  if (assumed != assumed_.end()) {
    // Only the Pod's own event may say where it is, until then it counts where it was put.
    if (now && !occupies && assumed->second == now.uid() && !finished(now)) {
      return queue_.put(key, now, demands_.of(now, snapshot_.names()), revision);
    }
    assumed_.erase(assumed);
  }
  if (wants_node(now)) {
    queue_.put(key, now, demands_.of(now, snapshot_.names()), revision);
  } else {
    queue_.remove(key, at);
  }
  if (occupies) {
    on_freed(snapshot_.place(key, node_of(now), load_of(now, snapshot_.names())), revision, at);
  } else if (snapshot_.counts(key)) {
    on_freed(snapshot_.take_away(key), revision, at);
  }
  if (snapshot_.names().size() > most_texts_) forget_old_texts(at);
}

std::vector<Decision> Engine::decide(size_t most, bus::Instant at) {
  std::vector<Decision> out;
  while (out.size() < most) {
    auto candidate = queue_.take(at);
    if (!candidate) break;
    if (!wants_node(candidate->pod)) {
      queue_.remove(candidate->key, at);
      continue;
    }
    Decision d{candidate->key,     candidate->pod, "", "", std::move(candidate->causes),
               candidate->attempts};
    if (auto row = planner_.place(candidate->demand)) {
      d.node = snapshot_.name(*row);
      snapshot_.place(d.key, d.node, candidate->demand->load);
      assumed_[d.key] = d.pod.uid();
      queue_.placed(d.key, at);
      out.push_back(std::move(d));
      continue;
    }
    Refusal refusal = planner_.explain(candidate->demand);
    d.why = std::move(refusal.why);
    auto others = queue_.refused(d.key, refusal.woken_by, d.why, at);
    out.push_back(d);
    for (Candidate& c : others) {
      out.push_back({c.key, c.pod, "", d.why, d.causes, c.attempts, false});
    }
  }
  return out;
}

void Engine::unbound(const std::string& key, std::string_view uid, bus::Instant at) {
  auto assumed = assumed_.find(key);
  if (assumed == assumed_.end() || assumed->second != uid) return;
  assumed_.erase(assumed);
  queue_.failed(key, at);
  on_freed(snapshot_.take_away(key), {}, at);
}

void Engine::on_freed(const Change& change, Revision revision, bus::Instant at) {
  queue_.wake(change.helps, revision, at,
              [&](const Demand& demand) { return planner_.refused_on(demand, change.row); });
}

void Engine::forget_old_texts(bus::Instant at) {
  planner_.reset();
  snapshot_.renumber();
  demands_ = {};
  queue_.recompile([this](const Object& pod) { return demands_.of(pod, snapshot_.names()); }, at);
  most_texts_ = std::max(least_texts_, 2 * snapshot_.names().size());
}

}  // namespace kubus::scheduler
