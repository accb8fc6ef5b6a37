#include "services/scheduler/planner.h"

#include <algorithm>
#include <map>

#include "services/scheduler/model/tournament.h"

namespace kubus::scheduler {
namespace {

constexpr size_t kViews = 64;

std::string explain_counts(const std::map<std::string, size_t>& reasons, size_t nodes) {
  if (nodes == 0) return "no nodes available to schedule pods";
  std::vector<std::pair<size_t, std::string>> sorted;
  for (const auto& [reason, count] : reasons) sorted.emplace_back(count, reason);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text = "0/" + std::to_string(nodes) + " nodes are available: ";
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(sorted[i].first) + " " + sorted[i].second;
  }
  return text + ".";
}

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

const Filter* objection(const std::vector<const Filter*>& filters, const Demand& demand,
                        NodeRef node) {
  for (const Filter* f : filters) {
    if (!f->fits(demand, node)) return f;
  }
  return nullptr;
}

int64_t normalized(const Score& score, int64_t raw, int64_t most) {
  if (score.kind == Score::Kind::kPoints) return raw;
  int64_t part = most > 0 ? raw * kMostScore / most : 0;
  return score.kind == Score::Kind::kHighest ? part : kMostScore - part;
}

}  // namespace

// One Demand against all nodes. The part of a score that load does not change is kept by row.
class Planner::View {
 public:
  View(const Snapshot& snapshot, const Profile& profile, DemandPtr demand)
      : snapshot_(snapshot), demand_(std::move(demand)) {
    for (const Filter* f : profile.filters) {
      if (f->concerns(*demand_)) (f->by_load ? load_filters_ : filters_).push_back(f);
    }
    for (const WeightedScore& s : profile.scores) {
      if (s.score->concerns(*demand_)) (s.score->by_load ? load_scores_ : scores_).push_back(s);
    }
    build();
  }

  const DemandPtr& demand() const { return demand_; }

  // Takes in what changed since the last time.
  const Tournament& now() {
    if (!mend()) build();
    return *tournament_;
  }

  const Refusal& refusal() {
    if (explained_ && explained_at_ == position_ && position_ == snapshot_.position()) {
      return *explained_;
    }
    std::map<std::string, size_t> reasons;
    Refusal out{.woken_by = kNodeAdded};
    Reasons of_node;
    for (Row row = 0; row < snapshot_.rows(); ++row) {
      if (!snapshot_.facts(row).present) continue;
      NodeRef node{snapshot_, row};
      const Filter* f = objection(filters_, *demand_, node);
      if (!f) f = objection(load_filters_, *demand_, node);
      if (!f) continue;
      of_node.clear();
      f->explain(*demand_, node, &of_node);
      for (std::string& reason : of_node) ++reasons[std::move(reason)];
      out.woken_by |= f->woken_by;
    }
    out.why = explain_counts(reasons, snapshot_.nodes());
    explained_ = std::move(out);
    explained_at_ = position_;
    return *explained_;
  }

 private:
  void build() {
    position_ = snapshot_.position();
    Row rows = snapshot_.rows();
    fixed_.assign(rows, Tournament::kOut);
    for (Row row = 0; row < rows; ++row) {
      if (passes(row)) fixed_[row] = 0;
    }
    uneven_.assign(scores_.size(), false);
    for (size_t i = 0; i < scores_.size(); ++i) add_score(i);
    spreads_ = spreads();
    std::vector<int32_t> scores(rows);
    for (Row row = 0; row < rows; ++row) scores[row] = total(row);
    tournament_.emplace(scores);
  }

  // false: only building anew will do.
  bool mend() {
    if (!snapshot_.reaches_back_to(position_) || snapshot_.rows() != fixed_.size()) return false;
    for (; position_ < snapshot_.position(); ++position_) {
      const auto& touched = snapshot_.touched(position_);
      if (touched.facts && !mend_fixed(touched.row)) return false;
      tournament_->set(touched.row, total(touched.row));
    }
    return true;
  }

  bool mend_fixed(Row row) {
    if (!demand_->images.empty() && spreads() != spreads_) return false;
    if (!passes(row)) {
      bool counted = std::find(uneven_.begin(), uneven_.end(), true) != uneven_.end();
      bool was_in = std::exchange(fixed_[row], Tournament::kOut) != Tournament::kOut;
      return !(was_in && counted);  // it may have had the highest number
    }
    int64_t sum = 0;
    for (size_t i = 0; i < scores_.size(); ++i) {
      const Score& s = *scores_[i].score;
      int64_t raw = s.score(*demand_, {snapshot_, row});
      if (s.kind != Score::Kind::kPoints && (uneven_[i] || raw > 0)) return false;
      sum += scores_[i].weight * normalized(s, raw, 0);
    }
    fixed_[row] = static_cast<int32_t>(sum);
    return true;
  }

  bool passes(Row row) const {
    return snapshot_.facts(row).present && !objection(filters_, *demand_, {snapshot_, row});
  }

  // Over the nodes that pass.
  void add_score(size_t which) {
    const auto& [score, weight] = scores_[which];
    std::vector<int64_t> raw(fixed_.size());
    int64_t most = 0;
    for (Row row = 0; row < fixed_.size(); ++row) {
      if (fixed_[row] == Tournament::kOut) continue;
      raw[row] = score->score(*demand_, {snapshot_, row});
      most = std::max(most, raw[row]);
    }
    uneven_[which] = score->kind != Score::Kind::kPoints && most > 0;
    for (Row row = 0; row < fixed_.size(); ++row) {
      if (fixed_[row] == Tournament::kOut) continue;
      fixed_[row] += static_cast<int32_t>(weight * normalized(*score, raw[row], most));
    }
  }

  int32_t total(Row row) const {
    if (fixed_[row] == Tournament::kOut) return Tournament::kOut;
    NodeRef node{snapshot_, row};
    if (objection(load_filters_, *demand_, node)) return Tournament::kOut;
    int64_t sum = fixed_[row];
    for (const auto& [score, weight] : load_scores_) sum += weight * score->score(*demand_, node);
    return static_cast<int32_t>(sum);
  }

  // What the scores of images depend on besides the node itself.
  std::vector<size_t> spreads() const {
    std::vector<size_t> out;
    for (NameId image : demand_->images) {
      size_t n = snapshot_.nodes_with(image);
      out.push_back(n);
      if (n > 0) out.push_back(snapshot_.nodes());
    }
    return out;
  }

  const Snapshot& snapshot_;
  DemandPtr demand_;
  std::vector<const Filter*> filters_, load_filters_;
  std::vector<WeightedScore> scores_, load_scores_;
  uint64_t position_ = 0;
  std::vector<int32_t> fixed_;  // by row; kOut: a filter objects that load does not concern
  std::vector<bool> uneven_;    // by score: some node has a number that the others are measured by
  std::vector<size_t> spreads_;
  std::optional<Tournament> tournament_;
  std::optional<Refusal> explained_;
  uint64_t explained_at_ = 0;
};

Planner::Planner(const Snapshot& snapshot, const Profile& profile, bus::Random& random)
    : snapshot_(snapshot), profile_(profile), random_(random) {}
Planner::~Planner() = default;

std::optional<Row> Planner::place(const DemandPtr& demand) {
  if (auto names = only_nodes(*demand); names && names->size() == 1) {
    return place_by_name(*demand, names->front());
  }
  const Tournament& t = view_of(demand).now();
  if (t.best() == Tournament::kOut) return std::nullopt;
  uint32_t ties = t.ties();
  return t.winner(ties > 1 ? static_cast<uint32_t>(random_.below(ties)) : 0);
}

// One node needs no comparison.
std::optional<Row> Planner::place_by_name(const Demand& demand, NameId name) {
  auto row = snapshot_.find(name);
  if (!row || !snapshot_.facts(*row).present || refused_on(demand, *row)) return std::nullopt;
  return row;
}

Refusal Planner::explain(const DemandPtr& demand) {
  return view_of(demand).refusal();
}

Helps Planner::refused_on(const Demand& demand, Row row) const {
  if (row >= snapshot_.rows() || !snapshot_.facts(row).present) return kNodeAdded;
  NodeRef node{snapshot_, row};
  for (const Filter* f : profile_.filters) {
    if (f->concerns(demand) && !f->fits(demand, node)) return f->woken_by;
  }
  return kNothing;
}

std::optional<int64_t> Planner::score_on(const DemandPtr& demand, Row row) {
  int32_t score = view_of(demand).now().score(row);
  if (score == Tournament::kOut) return std::nullopt;
  return score;
}

Planner::View& Planner::view_of(const DemandPtr& demand) {
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
