// Proves that all that a state directory holds agrees: history, journal, objects, lanes, index,
// causes and the chain of hashes. Writes nothing; a store may run on it meanwhile.
#pragma once

#include <cstdint>
#include <string>

#include "schemas/lib/base/ids.h"
#include "schemas/lib/base/result.h"

namespace kubus::store {

struct CheckOptions {
  std::string directory;     // the store's
  std::string secrets_keys;  // the file of keys; "" : the bodies of Secrets are not opened
  uint64_t map_bytes = 256ull << 30;
};

struct CheckReport {
  Revision horizon, applied, last;  // `last`: also of what the journal alone holds
  uint64_t records = 0, objects = 0, segments = 0;
  bool opened_secrets = false;
};

// kInvalid: the first difference, with the table or file, and the revision or key; kUnavailable:
// I/O; kBadRequest: the keys. Blocks.
Result<CheckReport> check_state(const CheckOptions& options);

}  // namespace kubus::store
