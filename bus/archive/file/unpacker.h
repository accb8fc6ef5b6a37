// The events of records that come in order, of deltas too: what they hang on came before.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "bus/archive/record.h"

namespace kubus::archive {

class Unpacker {
 public:
  // nullopt: a delta without its base, or which does not fit to it. What is given lies in the
  // record, or in memory that the next call takes.
  std::optional<ByteView> take(uint64_t revision, const Record& record);
  // The same; what had to be made is given away.
  std::optional<ByteView> take(uint64_t revision, const Record& record, Buffer* made);

 private:
  struct Base {
    uint64_t revision = 0;
    Buffer event;
  };
  // By object: the last version that a delta may hang on, what that one hangs on, and so on.
  std::unordered_map<uint64_t, std::vector<Base>> bases_;
  Buffer made_;
};

}  // namespace kubus::archive
