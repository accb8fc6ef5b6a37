// Which nodes there are and what is on each, laid out for scanning: one row of numbers a node, and
// beside it what rarely changes. Kept up incrementally from changes of Nodes and Pods, and from
// what was placed a moment ago and is not seen yet. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "schemas/lib/object.h"
#include "services/scheduler/model/demand.h"
#include "services/scheduler/model/load.h"
#include "services/scheduler/model/names.h"

namespace kubus::scheduler {

using Row = uint32_t;

// What of a node got better for somebody. A set.
enum Help : uint32_t {
  kNothing = 0,
  kNodeAdded = 1,
  kLabels = 2,       // changed
  kTaints = 4,       // changed
  kSchedulable = 8,  // uncordoned
  kRoom = 16,        // allocatable grew
  kFreed = 32,       // a Pod left and took its resources along
  kPortsFreed = 64,  // … and its host ports
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

// What changed on a node that may help a Pod which waits.
struct Change {
  Row row = 0;
  Helps helps = kNothing;
};

class Snapshot {
 public:
  // Adds the Node, or takes over what it says now.
  Change set_node(const Object& node);
  void remove_node(std::string_view name);

  // The Pod counts on that node and nowhere else.
  Change place(const std::string& pod, std::string_view node, Load load);
  // It counts nowhere.
  Change take_away(const std::string& pod);
  bool counts(const std::string& pod) const { return places_.contains(pod); }

  // ---- rows: some are empty, see Facts::present ----
  Row rows() const { return static_cast<Row>(numbers_.size()); }
  const Numbers& numbers(Row row) const { return numbers_[row]; }
  const Facts& facts(Row row) const { return facts_[row]; }
  const Extras& extras(Row row) const { return extras_[row]; }
  const std::string& name(Row row) const { return names_.text(facts_[row].name); }
  std::optional<Row> find(NameId node) const;
  size_t nodes() const { return nodes_; }
  // On how many nodes the image is.
  size_t nodes_with(NameId image) const;

  // ---- what has changed since somebody looked ----
  struct Touched {
    Row row = 0;
    bool facts = false;  // else only what is placed there
  };
  uint64_t position() const { return touched_count_; }
  // false: too long ago.
  bool reaches_back_to(uint64_t position) const;
  const Touched& touched(uint64_t position) const { return log_[position % kLog]; }

  Names& names() { return names_; }
  const Names& names() const { return names_; }
  // Forgets texts that nothing here uses any more. Every number of a text is void afterwards.
  void renumber();

 private:
  struct Place {
    Row row = 0;
    Load load;
  };
  static constexpr size_t kLog = size_t{1} << 14;

  Row row_of(NameId node);
  void add(const Place& place, int sign);
  void drop_if_empty(Row row);
  void count_images(const Facts& facts, int sign);
  void touch(Row row, bool facts);

  Names names_;
  std::vector<Numbers> numbers_;
  std::vector<Facts> facts_;
  std::vector<Extras> extras_;
  std::vector<uint32_t> pods_;  // how many Places point here
  std::vector<Row> free_;
  std::unordered_map<NameId, Row> by_name_;
  std::unordered_map<std::string, Place> places_;  // by Pod: "namespace/name"
  std::unordered_map<NameId, size_t> images_;
  size_t nodes_ = 0;
  std::vector<Touched> log_ = std::vector<Touched>(kLog);
  uint64_t touched_count_ = 0;
};

}  // namespace kubus::scheduler
