// An event whose values were purged.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/base/bytes.h"

namespace kubus::store {

struct Purged {
  ByteView shown;                  // in the place of its object, or of its metadata
  std::vector<std::string> paths;  // what is gone; those that it named already stay named
  std::function<std::string(std::string_view)> scrub;  // of the texts that it repeats
};

Buffer build_purged(const wire::Event& event, const Purged& purged);

}  // namespace kubus::store
