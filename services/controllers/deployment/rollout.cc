#include "services/controllers/deployment/rollout.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "services/controllers/deployment/template.h"
#include "services/controllers/values.h"

namespace kubus::controllers::deployment {
namespace {

namespace json = boost::json;

// A number, or a percentage of `total`.
int64_t share_of(const json::object& rolling, std::string_view key, int64_t total, bool up) {
  if (auto n = int_in(rolling, key)) return *n;
  std::string_view text = text_in(rolling, key);
  if (text.empty()) text = "25%";
  int64_t percent = 0;
  std::from_chars(text.data(), text.data() + text.size(), percent);
  return (percent * total + (up ? 99 : 0)) / 100;
}

int64_t sum(const std::vector<Set>& sets, int64_t Set::*field) {
  return std::accumulate(sets.begin(), sets.end(), int64_t{0},
                         [&](int64_t n, const Set& s) { return n + s.*field; });
}

void wish(std::vector<Wish>* out, Set* set, int64_t replicas) {
  if (set && set->spec != replicas) out->push_back({set, replicas});
}

// Shrinks old sets: first what is not available anyhow, then as much as availability allows.
void shrink_old(const Limits& limits, const Set* fresh, std::vector<Set>& old,
                std::vector<Wish>* out) {
  int64_t fresh_spec = fresh ? fresh->spec : 0;
  int64_t fresh_missing = fresh ? fresh->spec - fresh->surely_available() : 0;
  int64_t all = fresh_spec + sum(old, &Set::spec);
  int64_t may_go = all - limits.least_available() - fresh_missing;
  int64_t available = fresh ? fresh->surely_available() : 0;
  for (const Set& s : old) available += s.surely_available();
  std::vector<int64_t> next;
  for (Set& s : old) {
    int64_t broken =
        std::clamp<int64_t>(s.spec - s.surely_available(), 0, std::max<int64_t>(may_go, 0));
    next.push_back(s.spec - broken);
    may_go -= broken;
  }
  int64_t spare = std::min(available - limits.least_available(), may_go);
  for (size_t i = 0; i < old.size(); ++i) {
    int64_t goes = std::clamp<int64_t>(next[i], 0, std::max<int64_t>(spare, 0));
    spare -= goes;
    wish(out, &old[i], next[i] - goes);
  }
}

}  // namespace

Limits limits_of(const json::object& spec) {
  Limits out;
  out.wanted = int_in(spec, "replicas").value_or(1);
  const json::object& strategy = object_in(spec, "strategy");
  out.recreate = text_in(strategy, "type") == "Recreate";
  if (out.recreate) {
    out.unavailable = out.wanted;
    return out;
  }
  const json::object& rolling = object_in(strategy, "rollingUpdate");
  out.surge = share_of(rolling, "maxSurge", out.wanted, true);
  out.unavailable = share_of(rolling, "maxUnavailable", out.wanted, false);
  // Both can come to nothing by rounding; then nothing would ever move.
  if (out.surge == 0 && out.unavailable == 0) out.unavailable = 1;
  out.unavailable = std::min(out.unavailable, out.wanted);
  return out;
}

int64_t room_for_new(const Limits& limits, int64_t present_in_new, const std::vector<Set>& old) {
  int64_t all = present_in_new + sum(old, &Set::spec);
  int64_t room = std::max<int64_t>(0, limits.most() - all);
  return std::min(limits.wanted, present_in_new + room);
}

std::vector<Wish> roll(const Limits& limits, Set* fresh, std::vector<Set>& old) {
  std::vector<Wish> out;
  if (fresh) {
    int64_t next =
        fresh->spec > limits.wanted ? limits.wanted : room_for_new(limits, fresh->spec, old);
    wish(&out, fresh, next);
    // One direction at a time: what grows now is not available yet.
    if (!out.empty()) return out;
  }
  shrink_old(limits, fresh, old, &out);
  return out;
}

std::vector<Wish> recreate(const Limits& limits, Set* fresh, std::vector<Set>& old, bool old_pods) {
  std::vector<Wish> out;
  for (Set& s : old) wish(&out, &s, 0);
  if (out.empty() && !old_pods) wish(&out, fresh, limits.wanted);
  return out;
}

std::vector<Wish> scale(const Limits& limits, Set* fresh, std::vector<Set>& old) {
  std::vector<Wish> out;
  std::vector<Set*> active;
  if (fresh && fresh->spec > 0) active.push_back(fresh);
  for (Set& s : old) {
    if (s.spec > 0) active.push_back(&s);
  }
  if (active.size() <= 1) {
    Set* only = !active.empty() ? active[0] : fresh ? fresh : old.empty() ? nullptr : &old.back();
    wish(&out, only, limits.wanted);
    return out;
  }
  if (fresh && fresh->spec == limits.wanted && fresh->available == limits.wanted) {
    for (Set& s : old) wish(&out, &s, 0);
    return out;
  }
  int64_t all = 0;
  for (const Set* s : active) all += s->spec;
  int64_t target = limits.most();
  int64_t left = target - all;
  // The biggest first; among equals the newest when growing, the oldest when shrinking.
  std::stable_sort(active.begin(), active.end(), [&](const Set* a, const Set* b) {
    if (a->spec != b->spec) return a->spec > b->spec;
    return left > 0 ? a->created > b->created : a->created < b->created;
  });
  for (Set* s : active) {
    int64_t part =
        static_cast<int64_t>(std::llround(static_cast<double>(s->spec) *
                                          static_cast<double>(target) / static_cast<double>(all))) -
        s->spec;
    part = left > 0 ? std::clamp<int64_t>(part, 0, left) : std::clamp<int64_t>(part, left, 0);
    left -= part;
    int64_t next = std::max<int64_t>(0, s->spec + part);
    if (s == active.back()) next = std::max<int64_t>(0, next + left);
    wish(&out, s, next);
  }
  return out;
}

}  // namespace kubus::controllers::deployment
