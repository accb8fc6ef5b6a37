// A history of operations on a few objects and of the events that told of them: kept in a file, and
// judged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"
#include "tests/sim/checkers/linearizable.h"

namespace kubus::faults {

// An event as a follower of the lane was given it.
struct Told {
  uint64_t revision = 0, previous = 0;  // in the lane
  char type = 'M';                      // Added, Modified, Deleted
  std::string object, value;
  friend bool operator==(const Told&, const Told&) = default;
};

struct History {
  std::vector<sim::Operation> operations;
  std::vector<Told> followed;  // live, through all that happened
  std::vector<Told> replayed;  // the same lane, read again afterwards
};

// One line for each. kUnavailable: the file cannot be written or read.
Status write_history(const History& history, const std::string& path);
Result<History> read_history(const std::string& path);

// What does not hold, a sentence each: every object's operations are linearizable; revisions rise
// and each event names the one before; the follower was told what stands in the journal, once and
// in order; every acknowledged write stands there, with its value.
std::vector<std::string> judge(const History& history);

}  // namespace kubus::faults
