#include "services/scheduler/model/snapshot.h"

#include <algorithm>

#include "schemas/lib/base/check.h"

namespace kubus::scheduler {
namespace {

bool grew(const Facts& before, const Facts& now) {
  for (size_t r = 0; r < kResources; ++r) {
    if (now.allocatable[r] > before.allocatable[r]) return true;
  }
  return before.extended != now.extended;
}

Helps difference(const Facts& before, const Facts& now) {
  if (!before.present) return kNodeAdded;
  Helps out = kNothing;
  if (before.labels != now.labels) out |= kLabels;
  if (before.taints != now.taints) out |= kTaints;
  if (before.unschedulable && !now.unschedulable) out |= kSchedulable;
  if (grew(before, now)) out |= kRoom;
  return out;
}

// Adds to the entry of `key` in a sorted list; one that comes to 0 goes.
template <class Key, class Number>
void count(std::vector<std::pair<Key, Number>>* list, const Key& key, Number by) {
  auto at = std::lower_bound(list->begin(), list->end(), key,
                             [](const auto& entry, const Key& k) { return entry.first < k; });
  if (at == list->end() || at->first != key) at = list->insert(at, {key, Number{}});
  at->second += by;
  if (at->second == Number{}) list->erase(at);
}

Helps freed_by(const Load& load) {
  return kFreed | (load.ports.empty() ? kNothing : kPortsFreed);
}

}  // namespace

Change Snapshot::set_node(const Object& node) {
  Facts facts = facts_of(node, names_);
  Row row = row_of(facts.name);
  Facts& before = facts_[row];
  if (before == facts) return {row, kNothing};
  Change change{row, difference(before, facts)};
  if (!before.present) ++nodes_;
  count_images(before, -1);
  count_images(facts, 1);
  numbers_[row].allocatable = facts.allocatable;
  before = std::move(facts);
  touch(row, true);
  return change;
}

void Snapshot::remove_node(std::string_view name) {
  auto row = find(names_.intern(name));
  if (!row || !facts_[*row].present) return;
  --nodes_;
  count_images(facts_[*row], -1);
  NameId kept = facts_[*row].name;
  facts_[*row] = Facts{.name = kept};
  numbers_[*row].allocatable = {};
  touch(*row, true);
  drop_if_empty(*row);
}

Change Snapshot::place(const std::string& pod, std::string_view node, Load load) {
  Row row = row_of(names_.intern(node));
  auto [at, fresh] = places_.try_emplace(pod);
  Place& place = at->second;
  if (!fresh && place.row == row && place.load == load) return {row, kNothing};
  Change change;
  if (!fresh) {
    change = {place.row, freed_by(place.load)};
    ++pods_[row];  // not dropped in between
    add(place, -1);
    --pods_[row];
  }
  place = {row, std::move(load)};
  add(place, 1);
  return change;
}

Change Snapshot::take_away(const std::string& pod) {
  auto at = places_.find(pod);
  if (at == places_.end()) return {};
  Place place = std::move(at->second);
  places_.erase(at);
  add(place, -1);
  return {place.row, freed_by(place.load)};
}

std::optional<Row> Snapshot::find(NameId node) const {
  auto at = by_name_.find(node);
  if (at == by_name_.end()) return std::nullopt;
  return at->second;
}

size_t Snapshot::nodes_with(NameId image) const {
  auto at = images_.find(image);
  return at == images_.end() ? 0 : at->second;
}

bool Snapshot::reaches_back_to(uint64_t position) const {
  return touched_count_ - position <= kLog;
}

Row Snapshot::row_of(NameId node) {
  auto [at, fresh] = by_name_.try_emplace(node, rows());
  if (!fresh) return at->second;
  if (free_.empty()) {
    numbers_.emplace_back();
    facts_.emplace_back();
    extras_.emplace_back();
    pods_.push_back(0);
  } else {
    at->second = free_.back();
    free_.pop_back();
  }
  facts_[at->second].name = node;
  return at->second;
}

void Snapshot::add(const Place& place, int sign) {
  Numbers& n = numbers_[place.row];
  for (size_t r = 0; r < kResources; ++r) n.used[r] += sign * place.load.amounts[r];
  n.scored_cpu += sign * place.load.scored_cpu;
  n.scored_memory += sign * place.load.scored_memory;
  Extras& extras = extras_[place.row];
  for (auto [name, amount] : place.load.extended) count(&extras.used, name, sign * amount);
  for (const HostPort& port : place.load.ports) count(&extras.ports, port, sign);
  pods_[place.row] += static_cast<uint32_t>(sign);
  touch(place.row, false);
  if (sign < 0) drop_if_empty(place.row);
}

void Snapshot::drop_if_empty(Row row) {
  if (facts_[row].present || pods_[row] > 0) return;
  KUBUS_CHECK(numbers_[row] == Numbers());
  by_name_.erase(facts_[row].name);
  facts_[row] = {};
  free_.push_back(row);
}

void Snapshot::count_images(const Facts& facts, int sign) {
  for (const auto& [image, bytes] : facts.images) {
    auto at = images_.try_emplace(image, 0).first;
    at->second += static_cast<size_t>(sign);
    if (at->second == 0) images_.erase(at);
  }
}

void Snapshot::touch(Row row, bool facts) {
  log_[touched_count_ % kLog] = {row, facts};
  ++touched_count_;
}

}  // namespace kubus::scheduler
