// Objects out of the journal, now and at a revision. Private to this folder.
#pragma once

#include "services/store/state/core.h"

namespace kubus::store {

// The object bytes that the change of that revision left.
Payload body_of(const StateCore& core, Revision revision, uint64_t limit);
Stored stored_of(const StateCore& core, const ObjectEntry& live, uint64_t limit);
// By a live or dead entry of the present; empty: there was none at `at`.
Stored stored_at(const StateCore& core, const ObjectEntry& entry, Revision at, uint64_t limit);

}  // namespace kubus::store
