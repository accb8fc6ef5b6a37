// Where the stages of a write meet admission by subscription.
#pragma once

#include "services/store/executor/write.h"
#include "services/store/state/batch.h"

namespace kubus::store {

// Of each change, before it is made: noted, or judged by what was answered.
Status heed_admission(Scope& s, ChangeType type, const Draft& draft, ByteView bytes);

// Whether subscribers change the object that is written next, and the changes, made to
// `draft->now`. Names and what tells the object apart stay. kInternal names the subscriber whose
// patch does not fit.
bool wants_changes(const Scope& s);
Status apply_admission(Scope& s, Draft* draft);

}  // namespace kubus::store
