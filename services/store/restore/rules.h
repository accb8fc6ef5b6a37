// What programs that work on a store's files know beside its tables: the rules of the index, and
// the keys of Secrets.
#pragma once

#include <string>

#include "bus/secrets/keyring.h"
#include "schemas/lib/base/result.h"
#include "services/store/state/loader.h"

namespace kubus::store {

// As the executor indexes it (IndexedOf).
Indexed indexed_of(const schema::KindInfo& kind, ByteView object);

// kBadRequest: the file cannot be read, or is malformed.
Result<secrets::KeyRing> read_keys(const std::string& path);

}  // namespace kubus::store
