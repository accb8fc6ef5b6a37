// How the past is kept small: a version of an object is kept as a delta against an older one
// (bus/archive/record.h says which), from when the tables get it. Of what lives as a delta the
// whole record lies beside it, for it is read the most.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/store/engine/engine.h"
#include "services/store/state/compaction.h"
#include "services/store/state/encoding.h"

namespace kubus::store {

// The event of a record, and what keeps it if it had to be made.
struct EventBytes {
  Buffer made;
  ByteView view;
};
// By revision: the bytes of a record; nullopt: it is not there.
using FindRecord = std::function<std::optional<ByteView>(uint64_t)>;
// nullopt: its base is not there, or does not fit.
std::optional<EventBytes> event_of(const FindRecord& find, const Record& record);
std::optional<EventBytes> event_of(const Snapshot& tables, const Record& record);

// Decides where the record of a new version stands, given the record before it in the same life.
void stand_behind(const FindRecord& find, uint64_t previous, RecordHeader* header);
// The version itself, what it hangs on, and so on: as far as that is there.
std::vector<uint64_t> lineage(const Snapshot& tables, uint64_t revision);

// Used for one write of the tables, on its thread. What it returns lives as long as it does.
class DeltaWriter {
 public:
  // What compaction takes away in the same write is no base.
  DeltaWriter(const Snapshot& tables, const std::vector<Erasure>& erasures);

  // A record that the tables get, in order of revisions. Adds to `puts` what becomes of it. Doing
  // it again changes nothing.
  void pass(const Put& record, std::vector<Put>* puts);

 private:
  std::optional<ByteView> find(uint64_t revision) const;

  const Snapshot& tables_;
  std::set<uint64_t> erased_;
  std::map<uint64_t, ByteView> passed_;  // records of this write, whole
  std::deque<std::string> memory_;
};

}  // namespace kubus::store
