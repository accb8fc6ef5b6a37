// An archive of a store, fetched and loaded within one process: for tests of what comes of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/kit/client.h"
#include "services/store/engine/memory.h"
#include "services/store/journal/journal.h"

namespace kubus::store::testing {

struct Archived {
  std::string cluster;
  Revision base, last;
  Chain at_base{}, at_end{};
  std::vector<Payload> pages;
};

// Runs the world until the predicate holds; false: it never did.
using RunUntil = std::function<bool(const std::function<bool()>&)>;

Result<Archived> fetch_archived(bus::Ports ports, kit::Client& client, const RunUntil& run_until,
                                bool with_secrets, uint32_t page_bytes);

// The tables made of it. kInvalid: what a Loader says, or the chain does not fit.
Result<std::shared_ptr<MemoryTables>> load(const Archived& archived);

// The same in a file.
Status write_file(const Archived& archived, const std::string& path);

}  // namespace kubus::store::testing
