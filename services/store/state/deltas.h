// How the past is kept small: when a version of an object is superseded, it becomes a delta against
// an older version of the same life, its base. The latest version is always whole, and each past
// one costs its base and one step.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/store/engine/engine.h"
#include "services/store/state/compaction.h"
#include "services/store/state/encoding.h"

namespace kubus::store {

// So many versions hang on one base at most.
inline constexpr uint16_t kMostOnBase = 15;

// The event of a record, and what keeps it if it had to be made.
struct EventBytes {
  Buffer made;
  ByteView view;
};
// nullopt: its base is not there, or does not fit.
std::optional<EventBytes> event_of(const Snapshot& tables, const Record& record);

// Used for one write of the tables, on its thread. What it returns lives as long as it does.
class DeltaWriter {
 public:
  // What compaction takes away in the same write is no base.
  DeltaWriter(const Snapshot& tables, const std::vector<Erasure>& erasures);

  // A record that the tables get, in order of revisions. Adds to `puts` what becomes of the version
  // that it supersedes and, if it is a deletion, of itself. Doing it again changes nothing.
  void pass(const Put& record, std::vector<Put>* puts);

 private:
  std::optional<Record> find(uint64_t revision) const;
  void convert(uint64_t revision, std::vector<Put>* puts);

  const Snapshot& tables_;
  std::set<uint64_t> erased_;
  std::map<uint64_t, ByteView> passed_;  // records of this write, as they will stand
  std::deque<std::string> memory_;
};

}  // namespace kubus::store
