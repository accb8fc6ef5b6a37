#include "services/scheduler/plugins/neighbours.h"

#include <algorithm>
#include <cmath>

#include "services/scheduler/plugins/plugin.h"

namespace kubus::scheduler {
namespace {

constexpr size_t kMostEffects = 4096;
constexpr double kThousand = 1000;

uint64_t bond_key(const Bond& b) {
  return b.terms->serial << 16 | b.number;
}

int64_t at(const std::vector<int64_t>& counts, int32_t part) {
  return static_cast<size_t>(part) < counts.size() ? counts[static_cast<size_t>(part)] : 0;
}

bool fits(const Filter& f, const Demand& demand, NodeRef node) {
  return !f.concerns(demand) || f.fits(demand, node);
}

}  // namespace

Neighbours::Neighbours(const Snapshot& snapshot, const Demand& demand)
    : snapshot_(snapshot), demand_(demand) {
  add_slots();
  for (const Spread& s : demand_.spread) add_spread(s);
  count_all();
  make_groups();
  index_groups();
}

// ---- making ----

size_t Neighbours::axis_of(const std::string& topology_key) {
  for (size_t i = 0; i < axes_.size(); ++i) {
    if (axes_[i].topology_key == topology_key) return i;
  }
  NameId key = snapshot_.names().find(topology_key);
  Axis axis{.topology_key = topology_key, .key = key, .of_row = {}, .parts = {}};
  axis.of_row.assign(snapshot_.rows(), Axis::kNowhere);
  for (Row row = 0; row < snapshot_.rows() && key != kNoName; ++row) {
    const Facts& facts = snapshot_.facts(row);
    auto value = facts.present ? facts.label(key) : std::nullopt;
    if (!value) continue;
    auto next = static_cast<int32_t>(axis.parts.size());
    axis.of_row[row] = axis.parts.try_emplace(*value, next).first->second;
  }
  axes_.push_back(std::move(axis));
  return axes_.size() - 1;
}

size_t Neighbours::slot_of(const std::string& topology_key, std::vector<Count>* counts) {
  size_t axis = axis_of(topology_key);
  for (size_t i = 0; i < counts->size(); ++i) {
    if ((*counts)[i].axis == axis) return i;
  }
  counts->push_back({axis, std::vector<int64_t>(axes_[axis].parts.size())});
  return counts->size() - 1;
}

void Neighbours::add_slots() {
  if (demand_.terms) {
    for (const AffinityTerm& t : demand_.terms->affinity) {
      size_t axis = axis_of(t.topology_key);
      affinity_.push_back({axis, std::vector<int64_t>(axes_[axis].parts.size())});
    }
    for (const AffinityTerm& t : demand_.terms->anti_affinity) {
      slot_of(t.topology_key, &anti_affinity_);
    }
    for (const AffinityTerm& t : demand_.terms->preferred) slot_of(t.topology_key, &likes_);
  }
  for (const Bond& b : demand_.bonds) {
    auto* slots = b.kind == Bond::Kind::kKeepsAway ? &kept_away_ : &likes_;
    bond_slots_[bond_key(b)] = slot_of(b.term->topology_key, slots);
    bonds_[b.terms->serial].push_back(&b);
  }
}

bool Neighbours::eligible(const Spread& spread, Row row) const {
  if (!snapshot_.facts(row).present) return false;
  NodeRef node{snapshot_, row};
  if (spread.by_affinity && !fits(kNodeAffinity, demand_, node)) return false;
  if (spread.by_taints && !fits(kTaintToleration, demand_, node)) return false;
  return std::all_of(demand_.spread.begin(), demand_.spread.end(), [&](const Spread& other) {
    if (other.hard != spread.hard) return true;
    NameId key = snapshot_.names().find(other.topology_key);
    return key != kNoName && node.facts().label(key).has_value();
  });
}

void Neighbours::add_spread(const Spread& spread) {
  Skew skew;
  skew.axis = axis_of(spread.topology_key);
  skew.spread = &spread;
  const Axis& axis = axes_[skew.axis];
  skew.of_part.assign(axis.parts.size(), 0);
  skew.rows_of_part.assign(axis.parts.size(), 0);
  skew.eligible.assign(snapshot_.rows(), 0);
  for (Row row = 0; row < snapshot_.rows(); ++row) {
    if (!eligible(spread, row)) continue;
    skew.eligible[row] = 1;
    if (skew.rows_of_part[static_cast<size_t>(axis.of_row[row])]++ == 0) ++skew.parts;
  }
  skew.levels[0] = static_cast<int32_t>(skew.parts);
  if (skew.parts == 0) skew.levels.clear();
  skew.weight = std::log(static_cast<double>(skew.parts + 2));
  skews_.push_back(std::move(skew));
}

void Neighbours::count_all() {
  Stirred ignored;
  snapshot_.society().each([&](const FolkPtr& folk) {
    if (folk->rows.empty() && folk->promised.empty()) return;
    const Effect& effect = effect_of(*folk);
    if (!effect.affinity && effect.bumps.empty()) return;
    for (const auto& [row, count] : folk->rows) {
      if (effect.affinity) bump_affinity(row, count, &ignored);
      for (const Bump& b : effect.bumps) bump(b, row, count, &ignored);
    }
    for (const auto& [row, count] : folk->promised) {
      for (const Bump& b : effect.bumps) {
        if (b.slot == Slot::kAntiAffinity || b.slot == Slot::kKeptAway)
          bump(b, row, count, &ignored);
      }
    }
  });
}

// Rows that are in the same part of every axis, and count for the same constraints.
void Neighbours::make_groups() {
  group_of_.assign(snapshot_.rows(), 0);
  groups_ = 1;
  auto refine = [&](auto&& part_of) {
    std::unordered_map<uint64_t, uint32_t> finer;
    for (Row row = 0; row < snapshot_.rows(); ++row) {
      uint64_t key = uint64_t{group_of_[row]} << 32 | static_cast<uint32_t>(part_of(row));
      auto next = static_cast<uint32_t>(finer.size());
      group_of_[row] = finer.try_emplace(key, next).first->second;
    }
    groups_ = std::max<size_t>(1, finer.size());
  };
  for (const Axis& axis : axes_) refine([&](Row row) { return axis.of_row[row]; });
  for (const Skew& skew : skews_) refine([&](Row row) { return int32_t{skew.eligible[row]}; });
}

void Neighbours::index_groups() {
  for (const Axis& axis : axes_) {
    Members m;
    std::vector<int32_t> part_of(groups_, Axis::kNowhere);
    for (Row row = 0; row < snapshot_.rows(); ++row) part_of[group_of_[row]] = axis.of_row[row];
    m.begin.assign(axis.parts.size() + 1, 0);
    for (int32_t part : part_of) {
      if (part != Axis::kNowhere) ++m.begin[static_cast<size_t>(part) + 1];
    }
    for (size_t i = 1; i < m.begin.size(); ++i) m.begin[i] += m.begin[i - 1];
    m.groups.resize(m.begin.back());
    std::vector<uint32_t> next(m.begin.begin(), m.begin.end());
    for (uint32_t g = 0; g < groups_; ++g) {
      if (part_of[g] != Axis::kNowhere) m.groups[next[static_cast<size_t>(part_of[g])]++] = g;
    }
    members_.push_back(std::move(m));
  }
}

// ---- who counts for what ----

const Neighbours::Effect& Neighbours::effect_of(const Folk& folk) {
  auto known = effects_.find(folk.serial);
  if (known != effects_.end()) return known->second;
  if (effects_.size() >= kMostEffects) effects_.clear();
  return effects_.emplace(folk.serial, work_out(folk)).first->second;
}

Neighbours::Effect Neighbours::work_out(const Folk& folk) {
  Effect out;
  const Society& society = snapshot_.society();
  auto means = [&](const AffinityTerm& t) { return society.means(t.who, folk); };
  if (demand_.terms) {
    const auto& want = demand_.terms->affinity;
    out.affinity = !want.empty() && std::all_of(want.begin(), want.end(), means);
    for (const AffinityTerm& t : demand_.terms->anti_affinity) {
      if (means(t))
        out.bumps.push_back({Slot::kAntiAffinity, slot_of(t.topology_key, &anti_affinity_), 1});
    }
    for (const AffinityTerm& t : demand_.terms->preferred) {
      if (means(t)) out.bumps.push_back({Slot::kLikes, slot_of(t.topology_key, &likes_), t.weight});
    }
  }
  for (size_t i = 0; i < skews_.size(); ++i) {
    if (society.means(skews_[i].spread->who, folk)) out.bumps.push_back({Slot::kSpread, i, 1});
  }
  auto minds = folk.terms ? bonds_.find(folk.terms->serial) : bonds_.end();
  if (minds == bonds_.end()) return out;
  for (const Bond* b : minds->second) {
    bool away = b->kind == Bond::Kind::kKeepsAway;
    out.bumps.push_back(
        {away ? Slot::kKeptAway : Slot::kLikes, bond_slots_.at(bond_key(*b)), b->weight});
  }
  return out;
}

bool Neighbours::concerns(const Society& society, const Demand& demand, const Folk& folk) {
  auto means = [&](const auto& t) { return society.means(t.who, folk); };
  auto any = [&](const auto& list) { return std::any_of(list.begin(), list.end(), means); };
  if (demand.terms && (any(demand.terms->affinity) || any(demand.terms->anti_affinity)))
    return true;
  if (any(demand.spread)) return true;
  return folk.terms && std::any_of(demand.bonds.begin(), demand.bonds.end(),
                                   [&](const Bond& b) { return b.terms == folk.terms; });
}

// ---- counting ----

void Neighbours::change(const Snapshot::Touched& touched, Stirred* out) {
  if (touched.sign == 0 || !touched.folk) return;
  const Effect& effect = effect_of(*touched.folk);
  if (effect.affinity && !touched.promised) bump_affinity(touched.row, touched.sign, out);
  for (const Bump& b : effect.bumps) {
    bool keeps = b.slot == Slot::kAntiAffinity || b.slot == Slot::kKeptAway;
    if (keeps || !touched.promised) bump(b, touched.row, touched.sign, out);
  }
}

void Neighbours::suppose(Row row, const Folk& folk, int sign) {
  Stirred ignored;
  const Effect& effect = effect_of(folk);
  if (effect.affinity) bump_affinity(row, sign, &ignored);
  for (const Bump& b : effect.bumps) bump(b, row, sign, &ignored);
}

void Neighbours::bump_affinity(Row row, int64_t by, Stirred* out) {
  int64_t before = affinity_total_;
  for (Count& c : affinity_) {
    int32_t part = axes_[c.axis].of_row[row];
    if (part == Axis::kNowhere) continue;
    int64_t& n = c.of_part[static_cast<size_t>(part)];
    bool was = n > 0;
    n += by;
    affinity_total_ += by;
    if (was != (n > 0)) stir(c.axis, part, out);
  }
  if ((before > 0) != (affinity_total_ > 0)) out->all = true;
}

void Neighbours::bump(const Bump& b, Row row, int64_t times, Stirred* out) {
  int64_t by = b.by * times;
  if (b.slot == Slot::kSpread) return bump_spread(&skews_[b.which], row, by, out);
  auto& counts = b.slot == Slot::kAntiAffinity ? anti_affinity_
                 : b.slot == Slot::kKeptAway   ? kept_away_
                                               : likes_;
  Count& c = counts[b.which];
  int32_t part = axes_[c.axis].of_row[row];
  if (part == Axis::kNowhere) return;
  int64_t& n = c.of_part[static_cast<size_t>(part)];
  bool was = n > 0;
  n += by;
  if (b.slot == Slot::kLikes || was != (n > 0)) stir(c.axis, part, out);
}

void Neighbours::bump_spread(Skew* s, Row row, int64_t by, Stirred* out) {
  if (!s->eligible[row]) return;
  int32_t part = axes_[s->axis].of_row[row];
  int64_t& n = s->of_part[static_cast<size_t>(part)];
  int64_t least = s->least();
  bool blocked = s->blocks(n);
  auto level = s->levels.find(n);
  if (--level->second == 0) s->levels.erase(level);
  n += by;
  ++s->levels[n];
  if (s->spread->hard && s->least() != least) out->all = true;
  if (!s->spread->hard || blocked != s->blocks(n)) stir(s->axis, part, out);
}

void Neighbours::stir(size_t axis, int32_t part, Stirred* out) const {
  if (axis >= members_.size()) return;
  const Members& m = members_[axis];
  auto p = static_cast<size_t>(part);
  out->groups.insert(out->groups.end(), m.groups.begin() + m.begin[p],
                     m.groups.begin() + m.begin[p + 1]);
}

int64_t Neighbours::Skew::least() const {
  if (levels.empty() || parts < spread->min_domains) return 0;
  return levels.begin()->first;
}

bool Neighbours::Skew::blocks(int64_t count) const {
  return count + (spread->means_itself ? 1 : 0) - least() > spread->max_skew;
}

// ---- what follows ----

Neighbours::Verdict Neighbours::verdict(Row row) const {
  for (const Skew& s : skews_) {
    if (!s.spread->hard) continue;
    int32_t part = axes_[s.axis].of_row[row];
    if (part == Axis::kNowhere) return Verdict::kNoTopology;
    if (s.blocks(at(s.of_part, part))) return Verdict::kSkew;
  }
  // The first of those that want to be near each other goes anywhere.
  bool first = affinity_total_ == 0 && demand_.meets_itself;
  for (const Count& c : affinity_) {
    int32_t part = axes_[c.axis].of_row[row];
    if (part == Axis::kNowhere || (!first && at(c.of_part, part) <= 0)) return Verdict::kAffinity;
  }
  auto any_there = [&](const Count& c) {
    int32_t part = axes_[c.axis].of_row[row];
    return part != Axis::kNowhere && at(c.of_part, part) > 0;
  };
  if (std::any_of(anti_affinity_.begin(), anti_affinity_.end(), any_there))
    return Verdict::kAntiAffinity;
  if (std::any_of(kept_away_.begin(), kept_away_.end(), any_there)) return Verdict::kKeptAway;
  return Verdict::kFine;
}

std::string_view Neighbours::reason(Verdict v) {
  switch (v) {
    case Verdict::kFine:
      return "";
    case Verdict::kAffinity:
      return "node(s) didn't match pod affinity rules";
    case Verdict::kAntiAffinity:
      return "node(s) didn't match pod anti-affinity rules";
    case Verdict::kKeptAway:
      return "node(s) didn't satisfy existing pods anti-affinity rules";
    case Verdict::kSkew:
      return "node(s) didn't match pod topology spread constraints";
    case Verdict::kNoTopology:
      return "node(s) didn't match pod topology spread constraints (missing required label)";
  }
  return "";
}

Helps Neighbours::woken_by(Verdict v) {
  switch (v) {
    case Verdict::kFine:
      return kNothing;
    case Verdict::kAffinity:
      return kNodeAdded | kLabels | kPodCame;
    case Verdict::kAntiAffinity:
    case Verdict::kKeptAway:
      return kNodeAdded | kLabels | kPodLeft;
    case Verdict::kSkew:
      return kNodeAdded | kNodeLost | kLabels | kTaints | kPodCame | kPodLeft;
    case Verdict::kNoTopology:
      return kNodeAdded | kLabels;
  }
  return kNothing;
}

int64_t Neighbours::liking(Row row) const {
  int64_t sum = 0;
  for (const Count& c : likes_) {
    int32_t part = axes_[c.axis].of_row[row];
    if (part != Axis::kNowhere) sum += at(c.of_part, part);
  }
  return sum;
}

std::optional<int64_t> Neighbours::crowding(Row row) const {
  double sum = 0;
  for (const Skew& s : skews_) {
    if (s.spread->hard) continue;
    int32_t part = axes_[s.axis].of_row[row];
    if (part == Axis::kNowhere) return std::nullopt;
    sum += static_cast<double>(at(s.of_part, part)) * s.weight + s.spread->max_skew - 1;
  }
  return static_cast<int64_t>(std::llround(sum * kThousand));
}

bool Neighbours::has_soft_spread() const {
  return std::any_of(skews_.begin(), skews_.end(), [](const Skew& s) { return !s.spread->hard; });
}

bool Neighbours::still_fits_in(Row row) const {
  const Facts& facts = snapshot_.facts(row);
  for (const Axis& axis : axes_) {
    NameId key = axis.key != kNoName ? axis.key : snapshot_.names().find(axis.topology_key);
    bool labelled = facts.present && key != kNoName;
    auto value = labelled ? facts.label(key) : std::nullopt;
    auto part = value ? axis.parts.find(*value) : axis.parts.end();
    int32_t now = part == axis.parts.end() ? Axis::kNowhere : part->second;
    if (now != axis.of_row[row] || (value && part == axis.parts.end())) return false;
  }
  return std::all_of(skews_.begin(), skews_.end(), [&](const Skew& s) {
    return (s.eligible[row] != 0) == eligible(*s.spread, row);
  });
}

}  // namespace kubus::scheduler
