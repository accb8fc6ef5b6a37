// A state out of an archive file.
#pragma once

#include <memory>
#include <string>

#include "bus/ports/ports.h"
#include "services/store/engine/engine.h"
#include "services/store/state/state.h"

namespace kubus::store {

// A state that holds what the file holds, with tables in `directory`, where nothing is yet.
// kInvalid, kUnavailable: the file's or the engine's; the message names file and offset or
// revision. Blocks.
Result<std::unique_ptr<State>> restored(bus::Ports ports, const std::string& file,
                                        const std::string& directory);

// The state on such an engine: nothing is compacted in it.
Result<std::unique_ptr<State>> open_restored(bus::Ports ports, std::unique_ptr<Engine> engine);

}  // namespace kubus::store
