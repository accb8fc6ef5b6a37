// Whether the tables agree with what follows from the records in them, and with the chain of
// hashes.
#pragma once

#include <functional>

#include "bus/secrets/keyring.h"
#include "schemas/lib/base/result.h"
#include "services/store/engine/engine.h"
#include "services/store/state/encoding.h"
#include "services/store/state/loader.h"

namespace kubus::store {

struct TablesCheck {
  IndexedOf indexed_of;
  // Which open the bodies of Secrets; nullptr: these are compared with their commitments' place in
  // the chain alone.
  const secrets::KeyRing* keys = nullptr;
  // Told of each record above the horizon, in order: what the chain covers of its event, and the
  // chain behind it. An error ends the check.
  std::function<Status(uint64_t revision, const Chain& event, const Chain& after)> each;
};

struct CheckedTables {
  Applied horizon, applied;
  uint64_t records = 0, objects = 0;
};

// kInvalid: the first difference; names the table, and the revision or key.
Result<CheckedTables> check_tables(const Snapshot& tables, const TablesCheck& check);

}  // namespace kubus::store
