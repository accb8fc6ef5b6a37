// What goes into the tables beside batches, and is no part of the history: the audit log's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "schemas/lib/base/bytes.h"

namespace kubus::store {

struct AsidePut {
  std::string key;
  Buffer value;  // empty: erased
};

// It is asked for whenever the tables are written anyway, and by State::flush(): a process that is
// killed may lose the last of it.
struct Aside {
  std::function<std::vector<AsidePut>()> take;
  std::function<bool()> waits;  // there is something to take
};

}  // namespace kubus::store
