// A step of compaction: what may go from the tables when the horizon moves. Each object keeps its
// last state at or before the horizon; what is dead there goes wholly. A version on which a later
// one hangs as a delta loses its place in the history, and goes with the last of those.
#pragma once

#include <string>
#include <vector>

#include "services/store/engine/engine.h"
#include "services/store/state/encoding.h"

namespace kubus::store {

struct Erasure {
  Keyspace space;
  std::string key;
};

struct CompactionStep {
  uint64_t to = 0;        // at most
  int64_t before_ns = 0;  // stops at a record that is not older …
  uint64_t anyway = 0;    // … unless its revision is at most this
};

// What to erase; `*compacted` moves as far as the step went, with the chain hash there.
Result<std::vector<Erasure>> plan_compaction(const Snapshot& tables, const CompactionStep& step,
                                             Applied* compacted);

}  // namespace kubus::store
