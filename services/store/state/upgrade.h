// What older programs left behind, brought to the present format (services/store/FORMAT.md).
#pragma once

#include "schemas/lib/base/result.h"
#include "services/store/engine/engine.h"
#include "services/store/state/overlay.h"

namespace kubus::store {

// Tables of an older format become tables of this one, as far as they are not read as they are. May
// be stopped at any moment and done again. `last`: the last revision that an older program wrote,
// in the tables or in the journal. An error is the engine's.
Status upgrade_tables(Engine& engine, Revision last);

// A put of a batch that an older program wrote to the journal, as it is meant now.
OverlayPut upgraded(OverlayPut put);

}  // namespace kubus::store
