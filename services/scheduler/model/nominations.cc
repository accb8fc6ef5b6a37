#include "services/scheduler/model/nominations.h"

#include "schemas/core/v1/pod_generated.h"

namespace kubus::scheduler {
namespace {

// No Pod has such a key.
std::string shadow_of(const std::string& pod) {
  return "promised:" + pod;
}

int32_t priority_in(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  return spec ? spec->priority().value_or(0) : 0;
}

}  // namespace

void Nominations::set(const std::string& pod, const Object& object, std::string_view node) {
  auto known = all_.find(pod);
  int32_t priority = priority_in(object);
  if (known != all_.end() && known->second.node == node && known->second.priority == priority) {
    known->second.object = object;
    return;
  }
  drop(pod);
  One& one = all_[pod];
  one = {object, std::string(node), priority};
  by_priority_.emplace(priority, pod);
  by_node_[one.node].emplace(-int64_t{priority}, pod);
  if (priority >= from_) count(pod, one);
}

Change Nominations::drop(const std::string& pod) {
  auto at = all_.find(pod);
  if (at == all_.end()) return {};
  One one = std::move(at->second);
  all_.erase(at);
  by_priority_.erase({one.priority, pod});
  auto there = by_node_.find(one.node);
  there->second.erase({-int64_t{one.priority}, pod});
  if (there->second.empty()) by_node_.erase(there);
  return one.counted ? uncount(pod, one) : Change();
}

std::string Nominations::node_of(const std::string& pod) const {
  auto at = all_.find(pod);
  return at == all_.end() ? "" : at->second.node;
}

int32_t Nominations::priority_of(const std::string& pod) const {
  auto at = all_.find(pod);
  return at == all_.end() ? INT32_MIN : at->second.priority;
}

void Nominations::look_from(int32_t priority) {
  if (priority == from_) return;
  auto low = by_priority_.lower_bound({std::min(priority, from_), ""});
  auto high = by_priority_.lower_bound({std::max(priority, from_), ""});
  for (auto at = low; at != high; ++at) {
    One& one = all_.at(at->second);
    if (priority < from_) {
      count(at->second, one);
    } else {
      uncount(at->second, one);
    }
  }
  from_ = priority;
}

std::vector<std::string> Nominations::on(std::string_view node) const {
  std::vector<std::string> out;
  auto at = by_node_.find(node);
  if (at == by_node_.end()) return out;
  for (const auto& [less_priority, pod] : at->second) out.push_back(pod);
  return out;
}

void Nominations::count(const std::string& pod, One& one) {
  if (std::exchange(one.counted, true)) return;
  Guest guest = guest_of(one.object, snapshot_.names(), snapshot_.society());
  guest.promised = true;
  snapshot_.place(shadow_of(pod), one.node, std::move(guest));
}

Change Nominations::uncount(const std::string& pod, One& one) {
  if (!std::exchange(one.counted, false)) return {};
  return snapshot_.take_away(shadow_of(pod));
}

Nominations::Aside::Aside(Nominations& nominations, const std::string& pod)
    : nominations_(nominations), pod_(pod) {
  auto at = nominations_.all_.find(pod);
  if (at == nominations_.all_.end() || !at->second.counted) return;
  counted_ = true;
  nominations_.uncount(pod, at->second);
}

Nominations::Aside::~Aside() {
  auto at = nominations_.all_.find(pod_);
  if (counted_ && at != nominations_.all_.end()) nominations_.count(pod_, at->second);
}

}  // namespace kubus::scheduler
