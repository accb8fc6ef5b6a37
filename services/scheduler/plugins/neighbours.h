// The plugins that look at which Pods are where, InterPodAffinity and PodTopologySpread, for one
// Demand: how many Pods that matter to it are in each part of the cluster, by topology key, and
// what follows for each node. Made once, then kept up by what changes; rows that can only fare
// alike form a group. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "services/scheduler/model/demand.h"
#include "services/scheduler/model/snapshot.h"

namespace kubus::scheduler {

// A topology key: the part of the cluster that each row is in. kNowhere: the node lacks the label.
struct Axis {
  static constexpr int32_t kNowhere = -1;
  std::string topology_key;
  NameId key = kNoName;  // kNoName: no node has ever had it
  std::vector<int32_t> of_row;
  std::unordered_map<NameId, int32_t> parts;  // by the label's value
};

class Neighbours {
 public:
  enum class Verdict : uint8_t {
    kFine,
    kAffinity,      // what it wants to be near is not there
    kAntiAffinity,  // what it wants to be away from is there
    kKeptAway,      // what is there wants to be away from it
    kSkew,          // too many of its kind there
    kNoTopology,    // the node is in no part that it may be spread over
  };

  Neighbours(const Snapshot& snapshot, const Demand& demand);

  Verdict verdict(Row row) const;
  // Whether it could be another if Pods left the node.
  static bool may_be_mended(Verdict v) {
    return v != Verdict::kAffinity && v != Verdict::kNoTopology;
  }
  static std::string_view reason(Verdict v);
  static Helps woken_by(Verdict v);
  // How much it would like the node; higher is better.
  int64_t liking(Row row) const;
  // How crowded with its kind the node's parts are, in thousandths; nullopt: it lacks a label.
  std::optional<int64_t> crowding(Row row) const;
  bool has_likes() const { return !likes_.empty(); }
  bool has_soft_spread() const;

  // ---- groups ----
  size_t groups() const { return groups_; }
  uint32_t group_of(Row row) const { return group_of_[row]; }

  // What became of a change: groups whose verdict or points may be others now.
  struct Stirred {
    bool all = false;
    std::vector<uint32_t> groups;  // some of them more than once
  };
  void change(const Snapshot::Touched& touched, Stirred* out);
  // Whether the row still belongs where it was, after what its Node says has changed.
  bool still_fits_in(Row row) const;
  // Counts such a Pod on the row, or (-1) not any more; to be undone before anything else happens.
  void suppose(Row row, const Folk& folk, int sign);

  // Whether Pods of a Folk matter to the Demand at all.
  static bool concerns(const Society& society, const Demand& demand, const Folk& folk);

 private:
  struct Count {
    size_t axis = 0;
    std::vector<int64_t> of_part;
  };
  struct Skew {
    size_t axis = 0;
    const Spread* spread = nullptr;
    std::vector<char> eligible;         // by row
    std::vector<int64_t> of_part;       // Pods
    std::vector<int32_t> rows_of_part;  // eligible ones
    std::map<int64_t, int32_t> levels;  // how many parts hold so many Pods
    int64_t parts = 0;                  // with eligible rows
    double weight = 0;                  // of one that is not hard
    int64_t least() const;
    bool blocks(int64_t count) const;
  };
  enum class Slot : uint8_t { kAntiAffinity, kKeptAway, kLikes, kSpread };
  struct Bump {
    Slot slot;
    size_t which;
    int64_t by;
  };
  // What one Pod of a Folk counts for.
  struct Effect {
    bool affinity = false;
    std::vector<Bump> bumps;
  };

  size_t axis_of(const std::string& topology_key);
  size_t slot_of(const std::string& topology_key, std::vector<Count>* counts);
  void add_slots();
  void add_spread(const Spread& spread);
  bool eligible(const Spread& spread, Row row) const;
  void count_all();
  void make_groups();
  void index_groups();
  const Effect& effect_of(const Folk& folk);
  Effect work_out(const Folk& folk);
  void bump_affinity(Row row, int64_t by, Stirred* out);
  void bump(const Bump& bump, Row row, int64_t times, Stirred* out);
  void bump_spread(Skew* skew, Row row, int64_t by, Stirred* out);
  void stir(size_t axis, int32_t part, Stirred* out) const;
  bool has_affinity() const { return !affinity_.empty(); }

  const Snapshot& snapshot_;
  const Demand& demand_;
  std::vector<Axis> axes_;
  std::vector<Count> affinity_, anti_affinity_, kept_away_, likes_;
  int64_t affinity_total_ = 0;
  std::vector<Skew> skews_;
  std::unordered_map<uint64_t, std::vector<const Bond*>> bonds_;  // by Terms::serial
  std::unordered_map<uint64_t, size_t> bond_slots_;               // by Terms::serial and number
  std::unordered_map<uint64_t, Effect> effects_;                  // by Folk::serial
  std::vector<uint32_t> group_of_;
  size_t groups_ = 0;
  // The groups in each part of each axis.
  struct Members {
    std::vector<uint32_t> begin, groups;
  };
  std::vector<Members> members_;
};

}  // namespace kubus::scheduler
