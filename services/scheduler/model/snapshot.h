// Which nodes there are and what is on each, laid out for scanning: one row of numbers a node, and
// beside it what rarely changes. Kept up incrementally from changes of Nodes and Pods, and from
// what was placed a moment ago and is not seen yet. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "schemas/lib/object.h"
#include "services/scheduler/model/demand.h"
#include "services/scheduler/model/load.h"
#include "services/scheduler/model/names.h"
#include "services/scheduler/model/society.h"

namespace kubus::scheduler {

// What got better for somebody, mostly of a node. A set.
enum Help : uint32_t {
  kNothing = 0,
  kNodeAdded = 1,
  kLabels = 2,       // changed
  kTaints = 4,       // changed
  kSchedulable = 8,  // uncordoned
  kRoom = 16,        // allocatable grew
  kFreed = 32,       // a Pod left and took its resources along
  kPortsFreed = 64,  // … and its host ports
  kPodCame = 128,    // for those who look around
  kPodLeft = 256,
  kNodeLost = 512,
};
using Helps = uint32_t;

struct Numbers {
  Amounts allocatable{}, used{};
  int64_t scored_cpu = 0, scored_memory = 0;
  friend bool operator==(const Numbers&, const Numbers&) = default;
};

struct Taint {
  NameId key = kNoName, value = kNoName;
  Effect effect = Effect::kAny;
  friend bool operator==(const Taint&, const Taint&) = default;
};

// What the Node object says.
struct Facts {
  NameId name = kNoName;
  bool present = false;  // false: Pods name it, but there is no such Node
  bool unschedulable = false;
  NameId os = kNoName;
  std::vector<std::pair<NameId, NameId>> labels;  // sorted
  std::vector<Taint> taints;
  std::vector<std::pair<NameId, int64_t>> images;  // bytes of each, sorted
  Extended extended;                               // allocatable of other resources, sorted
  Amounts allocatable{};
  friend bool operator==(const Facts&, const Facts&) = default;

  std::optional<NameId> label(NameId key) const;
};

// What Pods take besides Numbers.
struct Extras {
  Extended used;                                // sorted
  std::vector<std::pair<HostPort, int>> ports;  // how many Pods hold each, sorted
  friend bool operator==(const Extras&, const Extras&) = default;
};

Facts facts_of(const Object& node, Names& names);

// A Pod that counts on a node.
struct Guest {
  Load load;
  FolkPtr folk;  // null: of no folk
  int32_t priority = 0;
  int64_t since = INT64_MAX;  // unix seconds; when it was started
  std::string uid;
  bool going = false;     // will leave, sooner or later
  bool promised = false;  // not there: its place is kept for it
};
Guest guest_of(const Object& pod, Names& names, Society& society);
// Counts a Load into what is taken, or (-1) out of it.
void add_load(const Load& load, int sign, Numbers* numbers, Extras* extras);

// What changed on a node that may help a Pod which waits.
struct Change {
  Row row = 0;
  Helps helps = kNothing;
  FolkPtr folk = nullptr;  // of the Pod that came or left, if it was one
};

class Snapshot {
 public:
  // Adds the Node, or takes over what it says now.
  Change set_node(const Object& node);
  Change remove_node(std::string_view name);

  // The Pod counts on that node and nowhere else.
  Change place(const std::string& pod, std::string_view node, Guest guest);
  // It counts nowhere.
  Change take_away(const std::string& pod);
  bool counts(const std::string& pod) const { return places_.contains(pod); }
  const Guest* guest(const std::string& pod) const;
  // It will leave (or, after all, it will not).
  void set_going(const std::string& pod, bool going);

  // ---- rows: some are empty, see Facts::present ----
  Row rows() const { return static_cast<Row>(numbers_.size()); }
  const Numbers& numbers(Row row) const { return numbers_[row]; }
  const Facts& facts(Row row) const { return facts_[row]; }
  const Extras& extras(Row row) const { return extras_[row]; }
  const std::string& name(Row row) const { return names_.text(facts_[row].name); }
  std::optional<Row> find(NameId node) const;
  size_t nodes() const { return nodes_; }
  struct Place {
    Row row = 0;
    uint32_t seat = 0;  // in guests(row)
    Guest guest;
  };
  using Placed = std::pair<const std::string, Place>;
  // All that count on it, in no order that matters.
  const std::vector<Placed*>& guests(Row row) const { return guests_[row]; }
  // Of those that are there, not only promised. INT32_MAX: there is none.
  int32_t lowest_priority() const;
  // On how many nodes the image is.
  size_t nodes_with(NameId image) const;

  // ---- what has changed since somebody looked ----
  struct Touched {
    Row row = 0;
    bool facts = false;  // else only what is placed there
    int8_t sign = 0;     // of `folk`: one came, or left
    bool promised = false;
    FolkPtr folk;
  };
  uint64_t position() const { return touched_count_; }
  // false: too long ago.
  bool reaches_back_to(uint64_t position) const;
  const Touched& touched(uint64_t position) const { return log_[position % kLog]; }

  Names& names() { return names_; }
  const Names& names() const { return names_; }
  Society& society() { return society_; }
  const Society& society() const { return society_; }
  // Forgets texts that nothing here uses any more. Every number of a text is void afterwards.
  void renumber();

 private:
  static constexpr size_t kLog = size_t{1} << 14;

  Row row_of(NameId node);
  void add(const Place& place, int sign);
  void sit(Placed* placed, Row row);
  void stand_up(Placed* placed);
  void count_priority(const Guest& guest, int sign);
  void count_folk(const Place& place, int sign);
  void drop_if_empty(Row row);
  void count_images(const Facts& facts, int sign);
  void touch(Touched touched);

  Names names_;
  std::vector<Numbers> numbers_;
  std::vector<Facts> facts_;
  std::vector<Extras> extras_;
  std::vector<std::vector<Placed*>> guests_;
  std::vector<Row> free_;
  std::unordered_map<NameId, Row> by_name_;
  std::unordered_map<std::string, Place> places_;  // by Pod: "namespace/name"
  std::unordered_map<NameId, size_t> images_;
  std::map<int32_t, size_t> priorities_;  // how many Pods have each
  Society society_;
  size_t nodes_ = 0;
  std::vector<Touched> log_ = std::vector<Touched>(kLog);
  uint64_t touched_count_ = 0;
};

}  // namespace kubus::scheduler
