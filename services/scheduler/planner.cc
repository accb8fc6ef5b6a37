#include "services/scheduler/planner.h"

#include <algorithm>
#include <map>

namespace kubus::scheduler {
namespace {

constexpr size_t kViews = 64;
// So many nodes are compared when somebody must leave: a part of all, but not too few.
constexpr size_t kCandidates = 100, kCandidatesPart = 10;

// The names of the only nodes that the Demand can go to; nullopt: it does not say so.
std::optional<std::vector<NameId>> only_nodes(const Demand& demand) {
  if (!demand.has_required) return std::nullopt;
  std::vector<NameId> out;
  for (const Term& term : demand.required) {
    auto named = std::find_if(term.begin(), term.end(), [](const Requirement& r) {
      return r.of_name && r.op == Requirement::Op::kIn;
    });
    if (named == term.end()) return std::nullopt;
    out.insert(out.end(), named->values.begin(), named->values.end());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// The lowest highest priority, then the lowest sum, then the fewest, then those started last.
struct Cost {
  int64_t highest = INT64_MIN, sum = 0;
  size_t count = 0;
  int64_t older = INT64_MIN;  // the less, the later the oldest of the highest began
  friend auto operator<=>(const Cost&, const Cost&) = default;
};

Cost cost_of(const Victims& victims) {
  Cost out{.count = victims.size()};
  int64_t began = INT64_MAX;
  for (const Snapshot::Placed* p : victims) {
    const Guest& guest = p->second.guest;
    if (guest.priority > out.highest) began = INT64_MAX;
    out.highest = std::max<int64_t>(out.highest, guest.priority);
    if (guest.priority == out.highest) began = std::min(began, guest.since);
    out.sum += int64_t{guest.priority} + INT32_MAX + 1;
  }
  if (!victims.empty()) out.older = -began;
  return out;
}

}  // namespace

Planner::Planner(const Snapshot& snapshot, const Profile& profile, bus::Random& random)
    : snapshot_(snapshot), profile_(profile), random_(random) {}
Planner::~Planner() = default;

std::optional<Row> Planner::place(const DemandPtr& demand) {
  if (auto names = only_nodes(*demand); names && names->size() == 1 && !demand->looks_around()) {
    return place_by_name(demand, names->front());
  }
  View& view = caught_up(demand);
  if (!view.fits_somewhere()) return std::nullopt;
  uint32_t ties = view.ties();
  return view.winner(ties > 1 ? static_cast<uint32_t>(random_.below(ties)) : 0);
}

// One node needs no comparison.
std::optional<Row> Planner::place_by_name(const DemandPtr& demand, NameId name) {
  auto row = snapshot_.find(name);
  if (!row || refused_on(demand, *row)) return std::nullopt;
  return row;
}

Refusal Planner::explain(const DemandPtr& demand) {
  return caught_up(demand).refusal();
}

Helps Planner::refused_on(const DemandPtr& demand, Row row) {
  Helps needs = refused_by_node(*demand, row);
  if (needs != kNothing || !demand->looks_around()) return needs;
  View& view = caught_up(demand);
  return view.score(row) == Tournament::kOut ? view.may_help() : kNothing;
}

Helps Planner::refused_by_node(const Demand& demand, Row row) const {
  if (row >= snapshot_.rows() || !snapshot_.facts(row).present) return kNodeAdded;
  NodeRef node{snapshot_, row};
  for (const Filter* f : profile_.filters) {
    if (f->concerns(demand) && !f->fits(demand, node)) return f->woken_by;
  }
  return kNothing;
}

Helps Planner::refused_everywhere(const DemandPtr& demand) {
  View& view = caught_up(demand);
  return view.fits_somewhere() ? kNothing : view.may_help();
}

std::optional<Preemption> Planner::preempt(const DemandPtr& demand) {
  View& view = caught_up(demand);
  Row rows = snapshot_.rows();
  if (rows == 0) return std::nullopt;
  size_t enough = std::max(kCandidates, snapshot_.nodes() / kCandidatesPart);
  Row first = static_cast<Row>(random_.below(rows));
  std::optional<Preemption> best;
  Cost least;
  for (Row i = 0; i < rows && enough > 0; ++i) {
    Row row = (first + i) % rows;
    if (!snapshot_.facts(row).present) continue;
    auto victims = view.victims_on(row);
    if (!victims) continue;
    --enough;
    Cost cost = cost_of(*victims);
    if (best && !(cost < least)) continue;
    least = cost;
    best = Preemption{row, *std::move(victims)};
    if (least.count == 0) break;
  }
  return best;
}

std::string Planner::why_no_preemption(const DemandPtr& demand) {
  View& view = caught_up(demand);
  std::map<std::string, size_t> reasons;
  for (Row row = 0; row < snapshot_.rows(); ++row) {
    if (!snapshot_.facts(row).present) continue;
    ++reasons[view.may_be_mended(row) ? "No preemption victims found for incoming pod"
                                      : "Preemption is not helpful for scheduling"];
  }
  return explain_counts(reasons, snapshot_.nodes());
}

std::optional<int64_t> Planner::score_on(const DemandPtr& demand, Row row) {
  int32_t score = caught_up(demand).score(row);
  if (score == Tournament::kOut) return std::nullopt;
  return score;
}

View& Planner::caught_up(const DemandPtr& demand) {
  View& view = view_of(demand);
  view.catch_up();
  return view;
}

View& Planner::view_of(const DemandPtr& demand) {
  auto at = by_demand_.find(demand.get());
  if (at != by_demand_.end()) {
    views_.splice(views_.begin(), views_, at->second);
    return *views_.front();
  }
  views_.push_front(std::make_unique<View>(snapshot_, profile_, demand));
  by_demand_[demand.get()] = views_.begin();
  if (views_.size() > kViews) {
    by_demand_.erase(views_.back()->demand().get());
    views_.pop_back();
  }
  return *views_.front();
}

void Planner::reset() {
  by_demand_.clear();
  views_.clear();
}

}  // namespace kubus::scheduler
