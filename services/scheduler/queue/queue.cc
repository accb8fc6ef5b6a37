#include "services/scheduler/queue/queue.h"

#include <algorithm>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/base/check.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus::scheduler {
namespace {

constexpr size_t kCauses = 4;

void add_cause(std::vector<Revision>* causes, Revision cause) {
  if (!cause || (!causes->empty() && causes->back() == cause)) return;
  causes->push_back(cause);
  if (causes->size() > kCauses) causes->erase(causes->begin());
}

int64_t priority_of(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  return spec ? spec->priority().value_or(0) : 0;
}

// Counts of nodes come and go without telling a Pod anything new.
std::string without_numbers(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out),
               [](char c) { return c < '0' || c > '9'; });
  return out;
}

}  // namespace

bus::Duration backoff_after(int attempts) {
  bus::Duration delay = kFirstBackoff;
  for (int i = 1; i < attempts && delay < kMostBackoff; ++i) delay *= 2;
  return std::min(delay, kMostBackoff);
}

void Queue::put(const std::string& key, const Object& pod, DemandPtr demand, Revision cause,
                FolkPtr folk) {
  auto& slot = items_[key];
  bool fresh = !slot;
  if (fresh) {
    slot = std::make_unique<Item>();
    slot->candidate.key = key;
    slot->rank.arrived = ++arrivals_;
    slot->where = Where::kOut;
    ++out_;
  }
  Item& item = *slot;
  int64_t priority = -priority_of(pod), created = pod.meta().creation_timestamp().value_or(0);
  bool other = fresh || item.candidate.demand != demand || item.rank.less_priority != priority ||
               item.rank.created != created;
  item.candidate.pod = pod;
  item.candidate.folk = std::move(folk);
  if (!other) return;
  if (fresh || item.where != Where::kOut) leave(item);
  add_cause(&item.candidate.causes, cause);
  item.candidate.demand = std::move(demand);
  item.rank.less_priority = priority;
  item.rank.created = created;
  if (fresh || item.where != Where::kOut) enter(item, Where::kActive);
}

void Queue::remove(const std::string& key, bus::Instant now) {
  auto at = items_.find(key);
  if (at == items_.end()) return;
  std::unique_ptr<Item> item = std::move(at->second);
  items_.erase(at);
  leave(*item);
  if (item->woken && item->where != Where::kOut) {
    wake_next(*item->candidate.demand, item->candidate.causes, now);
  }
}

std::optional<Candidate> Queue::take(bus::Instant now) {
  on_time(now);
  if (active_.empty()) return std::nullopt;
  Item& item = *active_.begin()->second;
  leave(item);
  enter(item, Where::kOut);
  ++item.candidate.attempts;
  item.tried = now;
  return item.candidate;
}

void Queue::placed(const std::string& key, bus::Instant now) {
  auto at = items_.find(key);
  if (at == items_.end()) return;
  at->second->woken = false;
  wake_next(*at->second->candidate.demand, at->second->candidate.causes, now);
}

std::vector<Candidate> Queue::refused(const std::string& key, Helps woken_by, std::string_view why,
                                      bus::Instant now) {
  auto at = items_.find(key);
  if (at == items_.end()) return {};
  Item& item = *at->second;
  KUBUS_CHECK(item.where == Where::kOut);
  leave(item);
  item.woken = false;
  item.candidate.causes.clear();
  Class& c = wait(item, woken_by, now);
  std::string reasons = without_numbers(why);
  if (std::exchange(c.reasons, reasons) == reasons) return {};
  std::vector<Candidate> others;
  for (const auto& [rank, other] : c.waiting) {
    if (other != &item) others.push_back(other->candidate);
  }
  return others;
}

void Queue::failed(const std::string& key, bus::Instant now) {
  auto at = items_.find(key);
  if (at == items_.end()) return;
  Item& item = *at->second;
  leave(item);
  item.tried = now;
  try_again(item, now);
}

const Candidate* Queue::waiting(const std::string& key) const {
  auto at = items_.find(key);
  bool waits = at != items_.end() && at->second->where == Where::kWaiting;
  return waits ? &at->second->candidate : nullptr;
}

void Queue::set_demand(const std::string& key, DemandPtr demand) {
  auto at = items_.find(key);
  if (at == items_.end()) return;
  KUBUS_CHECK(at->second->where == Where::kOut);
  at->second->candidate.demand = std::move(demand);
}

void Queue::call(const std::string& key, Revision cause) {
  auto at = items_.find(key);
  if (at == items_.end() || at->second->where != Where::kWaiting) return;
  Item& item = *at->second;
  leave(item);
  add_cause(&item.candidate.causes, cause);
  enter(item, Where::kActive);
}

void Queue::wake(Helps what, Revision cause, bus::Instant now, const Ask& still_refused) {
  if (what == kNothing) return;
  std::vector<uint64_t> helped;
  for (auto& [serial, c] : classes_) {
    if (!(c.woken_by & what)) continue;
    Helps needs = still_refused(c.demand);
    c.woken_by |= needs;
    if (needs == kNothing) helped.push_back(serial);
  }
  for (uint64_t serial : helped) {
    wake_first(classes_.at(serial), cause ? std::vector{cause} : std::vector<Revision>(), now);
  }
}

std::optional<bus::Instant> Queue::due(bus::Instant now) const {
  if (!active_.empty()) return now;
  std::optional<bus::Instant> out;
  if (!backing_off_.empty()) out = backing_off_.begin()->first.first;
  if (!flushes_.empty()) {
    bus::Instant flush = flushes_.begin()->first + kFlush;
    out = out ? std::min(*out, flush) : flush;
  }
  return out;
}

Queue::Sizes Queue::sizes() const {
  return {active_.size(), backing_off_.size(), waiting_, out_, classes_.size()};
}

void Queue::recompile(const std::function<DemandPtr(const Object&)>& compile, bus::Instant now) {
  std::vector<Item*> all;
  for (auto& [key, item] : items_) all.push_back(item.get());
  for (Item* item : all) {
    bool waited = item->where == Where::kWaiting;
    if (waited) leave(*item);
    item->candidate.demand = compile(item->candidate.pod);
    if (waited) try_again(*item, now);
  }
}

void Queue::enter(Item& item, Where where) {
  item.where = where;
  if (where == Where::kActive) active_.emplace(item.rank, &item);
  if (where == Where::kBackingOff) backing_off_.emplace(std::pair(item.until, item.rank), &item);
  if (where == Where::kOut) ++out_;
}

void Queue::leave(Item& item) {
  switch (item.where) {
    case Where::kActive:
      active_.erase(item.rank);
      break;
    case Where::kBackingOff:
      backing_off_.erase({item.until, item.rank});
      break;
    case Where::kOut:
      --out_;
      break;
    case Where::kWaiting: {
      auto at = classes_.find(item.candidate.demand->serial);
      at->second.waiting.erase(item.rank);
      --waiting_;
      if (!at->second.waiting.empty()) break;
      flushes_.erase({at->second.tried, at->first});
      classes_.erase(at);
    }
  }
}

Queue::Class& Queue::wait(Item& item, Helps woken_by, bus::Instant now) {
  uint64_t serial = item.candidate.demand->serial;
  Class& c = classes_[serial];
  flushes_.erase({c.tried, serial});
  c.demand = item.candidate.demand;
  c.woken_by = woken_by;
  c.tried = now;
  c.waiting.emplace(item.rank, &item);
  flushes_.emplace(now, serial);
  item.where = Where::kWaiting;
  ++waiting_;
  return c;
}

// Not before its backoff is over.
void Queue::try_again(Item& item, bus::Instant now) {
  item.until = item.tried + backoff_after(item.candidate.attempts);
  enter(item, item.until <= now ? Where::kActive : Where::kBackingOff);
}

void Queue::wake_next(const Demand& demand, const std::vector<Revision>& causes, bus::Instant now) {
  auto at = classes_.find(demand.serial);
  if (at != classes_.end()) wake_first(at->second, causes, now);
}

void Queue::wake_first(Class& c, const std::vector<Revision>& causes, bus::Instant now) {
  Item& item = *c.waiting.begin()->second;
  leave(item);  // and with the last of a class, `c` is gone
  item.woken = true;
  for (Revision cause : causes) add_cause(&item.candidate.causes, cause);
  try_again(item, now);
}

void Queue::on_time(bus::Instant now) {
  while (!backing_off_.empty() && backing_off_.begin()->first.first <= now) {
    Item& item = *backing_off_.begin()->second;
    leave(item);
    enter(item, Where::kActive);
  }
  while (!flushes_.empty() && flushes_.begin()->first + kFlush <= now) {
    uint64_t serial = flushes_.begin()->second;
    Class& c = classes_.at(serial);
    flushes_.erase(flushes_.begin());
    c.tried = now;  // the rest of the class waits as long again
    flushes_.emplace(now, serial);
    wake_first(c, {}, now);
  }
}

}  // namespace kubus::scheduler
