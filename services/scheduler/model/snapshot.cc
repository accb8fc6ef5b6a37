#include "services/scheduler/model/snapshot.h"

#include <algorithm>

#include "schemas/core/v1/pod_generated.h"
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

void add_load(const Load& load, int sign, Numbers* numbers, Extras* extras) {
  for (size_t r = 0; r < kResources; ++r) numbers->used[r] += sign * load.amounts[r];
  numbers->scored_cpu += sign * load.scored_cpu;
  numbers->scored_memory += sign * load.scored_memory;
  for (auto [name, amount] : load.extended) count(&extras->used, name, sign * amount);
  for (const HostPort& port : load.ports) count(&extras->ports, port, sign);
}

Guest guest_of(const Object& pod, Names& names, Society& society) {
  Guest out{
      .load = load_of(pod, names), .folk = society.folk_of(pod), .uid = std::string(pod.uid())};
  const auto* body = pod.as<core::v1::Pod>();
  if (body->spec()) out.priority = body->spec()->priority().value_or(0);
  if (body->status()) out.since = body->status()->start_time().value_or(INT64_MAX);
  out.going = pod.terminating();
  return out;
}

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
  touch({.row = row, .facts = true});
  return change;
}

Change Snapshot::remove_node(std::string_view name) {
  auto row = find(names_.find(name));
  if (!row || !facts_[*row].present) return {};
  --nodes_;
  count_images(facts_[*row], -1);
  NameId kept = facts_[*row].name;
  facts_[*row] = Facts{.name = kept};
  numbers_[*row].allocatable = {};
  touch({.row = *row, .facts = true});
  drop_if_empty(*row);
  return {*row, kNodeLost};
}

Change Snapshot::place(const std::string& pod, std::string_view node, Guest guest) {
  Row row = row_of(names_.intern(node));
  auto [at, fresh] = places_.try_emplace(pod);
  Place& place = at->second;
  if (fresh) {
    sit(&*at, row);
    place.guest = std::move(guest);
    add(place, 1);
    return {row, kPodCame, place.guest.folk};
  }
  bool same_load = place.row == row && place.guest.load == guest.load;
  Change change{place.row, same_load ? kNothing : freed_by(place.guest.load), guest.folk};
  if (same_load && place.guest.folk == guest.folk && place.guest.promised == guest.promised) {
    count_priority(place.guest, -1);
    place.guest = std::move(guest);
    count_priority(place.guest, 1);
    return change;
  }
  change.helps |= kPodCame | kPodLeft;
  Row before = place.row;
  add(place, -1);
  stand_up(&*at);
  sit(&*at, row);
  place.guest = std::move(guest);
  add(place, 1);
  drop_if_empty(before);
  return change;
}

Change Snapshot::take_away(const std::string& pod) {
  auto at = places_.find(pod);
  if (at == places_.end()) return {};
  add(at->second, -1);
  stand_up(&*at);
  Place place = std::move(at->second);
  places_.erase(at);
  drop_if_empty(place.row);
  return {place.row, freed_by(place.guest.load) | kPodLeft, std::move(place.guest.folk)};
}

const Guest* Snapshot::guest(const std::string& pod) const {
  auto at = places_.find(pod);
  return at == places_.end() ? nullptr : &at->second.guest;
}

void Snapshot::set_going(const std::string& pod, bool going) {
  auto at = places_.find(pod);
  if (at != places_.end()) at->second.guest.going = going;
}

int32_t Snapshot::lowest_priority() const {
  return priorities_.empty() ? INT32_MAX : priorities_.begin()->first;
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
    guests_.emplace_back();
  } else {
    at->second = free_.back();
    free_.pop_back();
  }
  facts_[at->second].name = node;
  return at->second;
}

void Snapshot::add(const Place& place, int sign) {
  add_load(place.guest.load, sign, &numbers_[place.row], &extras_[place.row]);
  count_priority(place.guest, sign);
  count_folk(place, sign);
  touch({.row = place.row,
         .sign = static_cast<int8_t>(sign),
         .promised = place.guest.promised,
         .folk = place.guest.folk});
}

void Snapshot::count_priority(const Guest& guest, int sign) {
  if (guest.promised) return;
  auto at = priorities_.try_emplace(guest.priority, 0).first;
  at->second += static_cast<size_t>(sign);
  if (at->second == 0) priorities_.erase(at);
}

void Snapshot::sit(Placed* placed, Row row) {
  placed->second.row = row;
  placed->second.seat = static_cast<uint32_t>(guests_[row].size());
  guests_[row].push_back(placed);
}

void Snapshot::stand_up(Placed* placed) {
  auto& seats = guests_[placed->second.row];
  Placed* last = seats.back();
  seats[placed->second.seat] = last;
  last->second.seat = placed->second.seat;
  seats.pop_back();
}

void Snapshot::count_folk(const Place& place, int sign) {
  if (!place.guest.folk) return;
  auto& rows = place.guest.promised ? place.guest.folk->promised : place.guest.folk->rows;
  auto at = rows.try_emplace(place.row, 0).first;
  at->second += sign;
  if (at->second == 0) rows.erase(at);
}

void Snapshot::drop_if_empty(Row row) {
  if (facts_[row].present || !guests_[row].empty()) return;
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

void Snapshot::touch(Touched touched) {
  log_[touched_count_ % kLog] = std::move(touched);
  ++touched_count_;
}

}  // namespace kubus::scheduler
