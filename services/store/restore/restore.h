// A state directory out of an archive file. Nothing of it stands under its name until all of it
// does, whenever the process dies.
#pragma once

#include <string>

#include "services/store/restore/load.h"

namespace kubus::store {

struct RestoreOptions {
  std::string file;
  std::string directory;  // the store's; its parent is there
  uint64_t to_revision = 0;
  int64_t to_time_ns = 0;
  bool replace = false;  // a state that is there is set aside
  std::string
      secrets_keys;  // the file of keys that will have to open the Secrets; "" : not looked at
  uint64_t map_bytes = 256ull << 30;
  std::function<void(Revision at, Revision last)> progress;
};

struct RestoredState {
  Loaded loaded;
  std::string aside;  // where the state that was there is now; "" : there was none
};

// kConflict: a state is there, or in use; kBadRequest: the keys do not open the archive's Secrets;
// otherwise load_archive's errors. Blocks.
Result<RestoredState> restore(const RestoreOptions& options);

}  // namespace kubus::store
