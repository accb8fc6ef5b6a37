#include "services/scheduler/view.h"

#include <algorithm>

namespace kubus::scheduler {
namespace {

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

View::View(const Snapshot& snapshot, const Profile& profile, DemandPtr demand)
    : snapshot_(snapshot), profile_(profile), demand_(std::move(demand)) {
  for (const Filter* f : profile.filters) {
    if (f->concerns(*demand_)) (f->by_load ? load_filters_ : filters_).push_back(f);
  }
  for (const WeightedScore& s : profile.scores) {
    if (s.score->concerns(*demand_)) (s.score->by_load ? load_scores_ : scores_).push_back(s);
  }
  build();
}

void View::catch_up() {
  if (!mend()) build();
}

Row View::winner(uint32_t which) const {
  if (!top_) return groups_.front().rows.winner(which);
  uint32_t left = 0;
  uint32_t group = top_->winner(which, &left);
  return seated_[first_seat_[group] + groups_[group].rows.winner(left)];
}

int32_t View::score(Row row) const {
  const Group& g = groups_[group_of(row)];
  int32_t own = g.rows.score(seat_[row]);
  if (own == Tournament::kOut || !g.open) return Tournament::kOut;
  return own + offset(g);
}

// ---- working out ----

void View::build() {
  position_ = snapshot_.position();
  build_fixed();
  neighbours_.reset();
  if (demand_->looks_around()) neighbours_.emplace(snapshot_, *demand_);
  build_groups();
}

void View::build_fixed() {
  Row rows = snapshot_.rows();
  fixed_.assign(rows, Tournament::kOut);
  for (Row row = 0; row < rows; ++row) {
    if (passes(row)) fixed_[row] = 0;
  }
  uneven_.assign(scores_.size(), false);
  for (size_t i = 0; i < scores_.size(); ++i) add_score(i);
  spreads_ = spreads();
}

void View::build_groups() {
  Row rows = snapshot_.rows();
  size_t count = neighbours_ ? neighbours_->groups() : 1;
  first_seat_.assign(count + 1, 0);
  for (Row row = 0; row < rows; ++row) ++first_seat_[group_of(row) + 1];
  for (size_t g = 1; g <= count; ++g) first_seat_[g] += first_seat_[g - 1];
  std::vector<uint32_t> next(first_seat_.begin(), first_seat_.end() - 1);
  seat_.resize(rows);
  seated_.resize(rows);
  for (Row row = 0; row < rows; ++row) {
    uint32_t g = group_of(row);
    seat_[row] = next[g] - first_seat_[g];
    seated_[next[g]++] = row;
  }
  groups_.clear();
  std::vector<int32_t> scores;
  for (size_t g = 0; g < count; ++g) {
    scores.clear();
    bool suits = false;
    for (uint32_t i = first_seat_[g]; i < first_seat_[g + 1]; ++i) {
      scores.push_back(total(seated_[i]));
      suits |= fixed_[seated_[i]] != Tournament::kOut;
    }
    groups_.push_back({.rows = Tournament(scores), .suits = suits, .crowding = {}});
  }
  top_.reset();
  likings_ = crowdings_ = {};
  if (!neighbours_) return;
  for (uint32_t g = 0; g < count; ++g) judge(g);
  likings_.moved(), crowdings_.moved();
  top_.emplace(std::vector<int32_t>(count, Tournament::kOut));
  for (uint32_t g = 0; g < count; ++g) show(g);
}

bool View::passes(Row row) const {
  return snapshot_.facts(row).present && !objection(filters_, *demand_, {snapshot_, row});
}

// Over the nodes that pass.
void View::add_score(size_t which) {
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

int32_t View::total(Row row) const {
  if (fixed_[row] == Tournament::kOut) return Tournament::kOut;
  NodeRef node{snapshot_, row};
  if (objection(load_filters_, *demand_, node)) return Tournament::kOut;
  int64_t sum = fixed_[row];
  for (const auto& [score, weight] : load_scores_) sum += weight * score->score(*demand_, node);
  return static_cast<int32_t>(sum);
}

// What the scores of images depend on besides the node itself.
std::vector<size_t> View::spreads() const {
  std::vector<size_t> out;
  for (NameId image : demand_->images) {
    size_t n = snapshot_.nodes_with(image);
    out.push_back(n);
    if (n > 0) out.push_back(snapshot_.nodes());
  }
  return out;
}

// ---- mending ----

// false: only building anew will do.
bool View::mend() {
  if (!snapshot_.reaches_back_to(position_) || snapshot_.rows() != fixed_.size()) return false;
  Neighbours::Stirred stirred;
  std::vector<uint32_t> changed;
  for (; position_ < snapshot_.position(); ++position_) {
    const auto& touched = snapshot_.touched(position_);
    if (touched.facts && !mend_fixed(touched.row)) return false;
    uint32_t group = group_of(touched.row);
    groups_[group].rows.set(seat_[touched.row], total(touched.row));
    if (!neighbours_) continue;
    changed.push_back(group);
    neighbours_->change(touched, &stirred);
  }
  if (neighbours_) settle(stirred, changed);
  return true;
}

bool View::mend_fixed(Row row) {
  if (!demand_->images.empty() && spreads() != spreads_) return false;
  bool passed = fixed_[row] != Tournament::kOut, passes_now = passes(row);
  if (neighbours_ && (passed != passes_now || !neighbours_->still_fits_in(row))) return false;
  if (!passes_now) {
    bool counted = std::find(uneven_.begin(), uneven_.end(), true) != uneven_.end();
    fixed_[row] = Tournament::kOut;
    return !(passed && counted);  // it may have had the highest number
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

void View::settle(const Neighbours::Stirred& stirred, const std::vector<uint32_t>& changed) {
  if (stirred.all) {
    for (uint32_t g = 0; g < groups_.size(); ++g) judge(g);
  } else {
    for (uint32_t g : stirred.groups) judge(g);
  }
  bool all = likings_.moved() | crowdings_.moved() | stirred.all;
  if (all) {
    for (uint32_t g = 0; g < groups_.size(); ++g) show(g);
    return;
  }
  for (uint32_t g : stirred.groups) show(g);
  for (uint32_t g : changed) show(g);
}

// ---- groups ----

void View::judge(uint32_t group) {
  Group& g = groups_[group];
  if (first_seat_[group] == first_seat_[group + 1]) return;
  Row row = seated_[first_seat_[group]];
  if (g.judged) count_points(g, false);
  g.judged = true;
  g.open = neighbours_->verdict(row) == Neighbours::Verdict::kFine;
  if (neighbours_->has_likes()) g.liking = neighbours_->liking(row);
  if (neighbours_->has_soft_spread()) g.crowding = neighbours_->crowding(row);
  count_points(g, true);
}

void View::count_points(const Group& g, bool in) {
  if (!g.suits) return;
  if (neighbours_->has_likes()) in ? likings_.add(g.liking) : likings_.remove(g.liking);
  if (g.crowding) in ? crowdings_.add(*g.crowding) : crowdings_.remove(*g.crowding);
}

void View::Spectrum::remove(int64_t points) {
  auto at = counts.find(points);
  if (--at->second == 0) counts.erase(at);
}

bool View::Spectrum::moved() {
  int64_t low = counts.empty() ? 0 : counts.begin()->first;
  int64_t high = counts.empty() ? 0 : counts.rbegin()->first;
  bool same = low == least && high == most;
  least = low, most = high;
  return !same;
}

// Points of neighbours, measured by those of all groups.
int32_t View::offset(const Group& g) const {
  if (!neighbours_) return 0;
  int64_t sum = 0;
  if (likings_.most > likings_.least) {
    sum += profile_.inter_pod_affinity_weight * kMostScore * (g.liking - likings_.least) /
           (likings_.most - likings_.least);
  }
  if (g.crowding) {
    int64_t rest = crowdings_.most + crowdings_.least - *g.crowding;
    sum += profile_.pod_topology_spread_weight *
           (crowdings_.most > 0 ? kMostScore * rest / crowdings_.most : kMostScore);
  }
  return static_cast<int32_t>(std::max<int64_t>(0, sum));
}

void View::show(uint32_t group) {
  const Group& g = groups_[group];
  int32_t best = g.open ? g.rows.best() : Tournament::kOut;
  if (best != Tournament::kOut) best += offset(g);
  top_->set(group, best, g.rows.ties());
}

// ---- explaining ----

const Refusal& View::refusal() {
  if (explained_ && explained_at_ == position_) return *explained_;
  std::map<std::string, size_t> reasons;
  Refusal out{.why = "", .woken_by = kNodeAdded};
  for (Row row = 0; row < snapshot_.rows(); ++row) {
    if (!snapshot_.facts(row).present) continue;
    for (std::string& reason : reasons_of(row, &out.woken_by)) ++reasons[std::move(reason)];
  }
  out.why = explain_counts(reasons, snapshot_.nodes());
  explained_ = std::move(out);
  explained_at_ = position_;
  return *explained_;
}

Reasons View::reasons_of(Row row, Helps* woken_by) const {
  Reasons out;
  NodeRef node{snapshot_, row};
  const Filter* f = objection(filters_, *demand_, node);
  if (!f) f = objection(load_filters_, *demand_, node);
  if (f) {
    f->explain(*demand_, node, &out);
    *woken_by |= f->woken_by;
    return out;
  }
  auto verdict = neighbours_ ? neighbours_->verdict(row) : Neighbours::Verdict::kFine;
  if (verdict == Neighbours::Verdict::kFine) return out;
  out.emplace_back(Neighbours::reason(verdict));
  *woken_by |= Neighbours::woken_by(verdict);
  return out;
}

Helps View::may_help() const {
  Helps out = kNodeAdded;
  for (const auto* list : {&filters_, &load_filters_}) {
    for (const Filter* f : *list) out |= f->woken_by;
  }
  if (neighbours_) out |= kNodeLost | kLabels | kTaints | kPodCame | kPodLeft;
  return out;
}

// ---- who must leave ----

bool View::may_be_mended(Row row) const {
  if (fixed_[row] == Tournament::kOut) return false;
  return !neighbours_ || Neighbours::may_be_mended(neighbours_->verdict(row));
}

bool View::would_fit(Row row, const Numbers& numbers, const Extras& extras) const {
  NodeRef node{snapshot_, row, &numbers, &extras};
  if (objection(load_filters_, *demand_, node)) return false;
  return !neighbours_ || neighbours_->verdict(row) == Neighbours::Verdict::kFine;
}

std::optional<Victims> View::victims_on(Row row) {
  if (!may_be_mended(row)) return std::nullopt;
  Numbers numbers = snapshot_.numbers(row);
  Extras extras = snapshot_.extras(row);
  auto count = [&](const Guest& guest, int sign) {
    add_load(guest.load, sign, &numbers, &extras);
    if (neighbours_ && guest.folk) neighbours_->suppose(row, *guest.folk, sign);
  };
  Victims gone, candidates;
  for (const Snapshot::Placed* p : snapshot_.guests(row)) {
    const Guest& guest = p->second.guest;
    if (guest.promised || guest.priority >= demand_->priority) continue;
    (guest.going ? gone : candidates).push_back(p);
    count(guest, -1);
  }
  std::optional<Victims> out;
  if (!(gone.empty() && candidates.empty()) && would_fit(row, numbers, extras)) {
    // Those that matter most stay if they can.
    std::sort(candidates.begin(), candidates.end(), [](const auto* a, const auto* b) {
      const Guest &x = a->second.guest, &y = b->second.guest;
      if (x.priority != y.priority) return x.priority > y.priority;
      return x.since != y.since ? x.since < y.since : a->first < b->first;
    });
    out.emplace();
    for (const Snapshot::Placed* p : candidates) {
      count(p->second.guest, 1);
      if (would_fit(row, numbers, extras)) continue;
      count(p->second.guest, -1);
      out->push_back(p);
    }
    for (const Snapshot::Placed* p : *out) count(p->second.guest, 1);
  } else {
    for (const Snapshot::Placed* p : candidates) count(p->second.guest, 1);
  }
  for (const Snapshot::Placed* p : gone) count(p->second.guest, 1);
  return out;
}

}  // namespace kubus::scheduler
