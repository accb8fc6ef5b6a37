// The engine on files: one LMDB environment. The only user of lmdb.h.
#pragma once

#include <memory>
#include <string>

#include "schemas/lib/base/result.h"
#include "services/store/engine/engine.h"

namespace kubus::store {

struct LmdbOptions {
  std::string directory;             // made if it is not there
  uint64_t map_size = 256ull << 30;  // address space, reserved once; the file grows as needed
  unsigned readers = 1024;
  // Nothing is durable until the file is synced by hand: for tables in the making.
  bool bulk = false;
  // Beside whoever else has it open: nothing is made, nothing can be written.
  bool read_only = false;
};

// If scrub() was called, all that is there is copied into a new file first, which the old one gives
// way to: nothing that was erased or replaced is in it. Without room for that the old one stays.
// Reads everything once, to find what is damaged. kUnavailable: I/O, or the directory cannot be
// used; kInvalid: damaged; the message names it. What is found damaged later ends the process.
Result<std::unique_ptr<Engine>> open_lmdb(const LmdbOptions& options);

}  // namespace kubus::store
