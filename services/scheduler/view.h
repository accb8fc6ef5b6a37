// One Demand against all nodes: who suits, how well, and why the others do not. Worked out once,
// then mended where something changed. Rows that neighbours treat alike form a group, so what
// changes for a whole part of the cluster changes one number. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/scheduler/model/snapshot.h"
#include "services/scheduler/model/tournament.h"
#include "services/scheduler/plugins/neighbours.h"
#include "services/scheduler/plugins/profile.h"

namespace kubus::scheduler {

// Why a Pod fits nowhere.
struct Refusal {
  std::string why;            // "0/5 nodes are available: 3 Insufficient cpu, 2 node(s) …."
  Helps woken_by = kNothing;  // the changes that may help
};

// Those that must leave a node so that the Pod fits there. Those that leave anyway are not named.
using Victims = std::vector<const Snapshot::Placed*>;

// "0/5 nodes are available: 3 …, 2 …." with the most frequent first.
std::string explain_counts(const std::map<std::string, size_t>& reasons, size_t nodes);

class View {
 public:
  View(const Snapshot& snapshot, const Profile& profile, DemandPtr demand);

  const DemandPtr& demand() const { return demand_; }
  // Takes in what changed since the last time. All below speak of that moment.
  void catch_up();

  bool fits_somewhere() const { return board().best() != Tournament::kOut; }
  // How many rows are the best; and which they are.
  uint32_t ties() const { return board().ties(); }
  Row winner(uint32_t which) const;
  // Tournament::kOut: a filter objects.
  int32_t score(Row row) const;
  const Refusal& refusal();
  // Changes after which it may fit where it does not.
  Helps may_help() const;

  // Whether it could have a place there at the cost of Pods of lower priority, and whose; the most
  // important of them are spared first. A node where nobody can leave is none.
  bool may_be_mended(Row row) const;
  std::optional<Victims> victims_on(Row row);

 private:
  struct Group {
    Tournament rows;
    bool judged = false;
    bool open = true;    // no verdict against it
    bool suits = false;  // some row of it passes the filters that nothing but its Node concerns
    int64_t liking = 0;
    std::optional<int64_t> crowding;
  };
  // How many groups have each of a kind of points.
  struct Spectrum {
    std::map<int64_t, uint32_t> counts;
    int64_t least = 0, most = 0;  // as of the last look
    void add(int64_t points) { ++counts[points]; }
    void remove(int64_t points);
    bool moved();
  };

  void build();
  void build_fixed();
  void build_groups();
  bool mend();
  bool mend_fixed(Row row);
  bool passes(Row row) const;
  void add_score(size_t which);
  int32_t total(Row row) const;
  std::vector<size_t> spreads() const;
  void judge(uint32_t group);
  void count_points(const Group& group, bool in);
  int32_t offset(const Group& group) const;
  void show(uint32_t group);
  void settle(const Neighbours::Stirred& stirred, const std::vector<uint32_t>& changed);
  const Tournament& board() const { return top_ ? *top_ : groups_.front().rows; }
  uint32_t group_of(Row row) const { return neighbours_ ? neighbours_->group_of(row) : 0; }
  Reasons reasons_of(Row row, Helps* woken_by) const;
  bool would_fit(Row row, const Numbers& numbers, const Extras& extras) const;

  const Snapshot& snapshot_;
  const Profile& profile_;
  DemandPtr demand_;
  std::vector<const Filter*> filters_, load_filters_;
  std::vector<WeightedScore> scores_, load_scores_;
  uint64_t position_ = 0;
  std::vector<int32_t> fixed_;  // by row; kOut: a filter objects that load does not concern
  std::vector<bool> uneven_;    // by score: some node has a number that the others are measured by
  std::vector<size_t> spreads_;
  std::optional<Neighbours> neighbours_;  // if the Demand looks around
  std::vector<Group> groups_;             // one, if it does not
  std::vector<uint32_t> seat_;            // of a row in its group
  std::vector<Row> seated_;               // rows by group and seat
  std::vector<uint32_t> first_seat_;      // of a group, in seated_
  std::optional<Tournament> top_;         // of the groups, where neighbours matter
  Spectrum likings_, crowdings_;
  std::optional<Refusal> explained_;
  uint64_t explained_at_ = 0;
};

}  // namespace kubus::scheduler
