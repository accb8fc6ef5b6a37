// The last stage of a write: a Change into the transaction.
#pragma once

#include "services/store/executor/write.h"

namespace kubus::store {

// kTooLarge: an object, kInvalid: a node's name, that nothing may hold.
Result<Revision> emit(Scope& s, ChangeType type, const Draft& draft, ByteView bytes);
// Overwrites metadata.resourceVersion of an encoded object that has one.
void set_revision(const schema::KindInfo& kind, Revision revision, Buffer* bytes);

}  // namespace kubus::store
