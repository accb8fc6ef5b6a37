// The only code that writes tables: the puts of committed batches, a step of compaction, and how
// far both have come, in one transaction. Runs on the lane "apply"; touches nothing else.
// Idempotent: applying a batch again changes nothing.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "schemas/lib/base/result.h"
#include "services/store/engine/engine.h"
#include "services/store/state/aside.h"
#include "services/store/state/encoding.h"
#include "services/store/state/overlay.h"
#include "services/store/state/purge.h"
#include "services/store/state/rekey.h"

namespace kubus::store {

struct ApplyJob {
  // In.
  std::vector<std::shared_ptr<Batch>> batches;
  Applied applied;              // after these batches
  Applied compacted;            // as it is
  uint64_t compact_to = 0;      // ≤ what was applied before this job; ≤ compacted: nothing
  int64_t compact_before = 0;   // records younger than this time stay …
  uint64_t compact_anyway = 0;  // … but for those up to here
  RekeyStep rekey;
  PurgeStep purge;
  std::vector<AsidePut> aside;

  std::atomic<bool> cancelled = false;

  // Out.
  Status status;
  std::shared_ptr<const Snapshot> after;
  EngineUsage usage;

  void run(Engine& engine);
};

}  // namespace kubus::store
