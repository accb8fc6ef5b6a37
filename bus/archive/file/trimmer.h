// Lets a history begin later: of what lies before, only what lives at that point is left, and what
// later versions may hang on. Any one thread.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/archive/file/entries.h"
#include "bus/archive/record.h"
#include "schemas/lib/base/result.h"

namespace kubus::archive {

class Trimmer {
 public:
  // In order of revision, with the event that the entry's record stands for.
  void take(const Entry& entry, const Record& record, ByteView event);
  // Gives what is left of all that was taken, as entries in order, in blocks of about that size; an
  // error of `each` ends it.
  Status give(size_t block_bytes, const std::function<Status(ByteView)>& each) const;
  size_t count() const;

 private:
  struct Kept {
    uint64_t revision = 0;
    bool carries = false;
    std::string record;  // whole
    Entry::Secret what = Entry::Secret::kNone;
    Buffer secret;
  };
  std::vector<const Kept*> in_order() const;

  // By object: the last version, behind those that later ones may hang on.
  std::unordered_map<uint64_t, std::vector<Kept>> versions_;
};

}  // namespace kubus::archive
