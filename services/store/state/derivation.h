// What follows from the records of a history: who lives and who died, versions, lanes, marks, what
// led to what. Tables are made of it (loader.h) and compared with it (check.h). On the way it is
// checked that each record follows from those before: its links, marks and times. Any one thread.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "schemas/bus/event_generated.h"
#include "services/store/state/encoding.h"

namespace kubus::store {

// The record's event, verified; kInvalid, naming the revision: not such as this program writes.
Result<const wire::Event*> sound_event(uint64_t revision, const Record& record, ByteView event);

class Derivation {
 public:
  struct LaneState {
    LaneEntry entry;
    bool exact = false;   // its head stands above the horizon, or is known to be none
    bool phased = false;  // `entry.events` is what it was, but for a multiple of kMarkEvery
  };
  using Lanes = std::map<std::string, LaneState>;

  struct Name {
    std::string key;
    ObjectEntry entry;
    uint16_t kind = 0;
    uint8_t type = 0, format = 0;  // of the last record
    bool live = false;
    bool counted = false;  // its last version is among versions()
    bool began = false;    // the beginning of its life stands above the horizon
    int64_t created_ns = 0;
    std::string node;
    Lanes::value_type *resource = nullptr, *ns = nullptr, *on_node = nullptr;
  };
  using Names = std::unordered_map<uint64_t, Name>;  // by oid

  struct Version {
    uint64_t oid, revision;
    uint8_t type;
  };
  struct Effect {
    uint64_t cause, revision;
  };

  // From `horizon` on nothing is missing: up to it come the last states of what lived there, and
  // what they hang on.
  explicit Derivation(const Applied& horizon) : horizon_(horizon.revision) {}
  Derivation(const Derivation&) = delete;

  // In order of revision. kInvalid, naming the revision: it does not follow.
  Status add(uint64_t revision, const Record& record, const wire::Event& event);
  // After the last.
  void finish();

  uint64_t horizon() const { return horizon_; }
  uint64_t last() const { return last_; }
  int64_t last_time_ns() const { return last_time_; }
  int64_t horizon_time_ns() const { return horizon_time_; }
  const Names& names() const { return names_; }
  const Lanes& lanes() const { return lanes_; }
  // Those that readers can reach, in no order; and what changes led to, and marks, above the
  // horizon.
  std::vector<Version>& versions() { return versions_; }
  std::vector<Effect>& effects() { return effects_; }
  std::vector<std::string>& marks() { return marks_; }

 private:
  Status take_below(uint64_t revision, const Record& record, const wire::Event& event);
  Status move_name(uint64_t revision, const wire::Event& event, const Record& record, Name* name);
  Status ride_all(uint64_t revision, const wire::Event& event, const Record& record, Name* name);
  Status ride(Lanes::value_type* lane, uint64_t revision, uint64_t previous, int live, bool mark);
  Lanes::value_type* lane(std::string key);
  Lanes::value_type* node_of(Name* name, const wire::Event& event);
  void count(Name* name);

  uint64_t horizon_, last_ = 0;
  int64_t last_time_ = 0, horizon_time_ = 0;
  Names names_;
  Lanes lanes_;
  std::vector<Version> versions_;
  std::vector<Effect> effects_;
  std::vector<std::string> marks_;
};

}  // namespace kubus::store
