// For each field of an object the change that last set it. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cli/past/leaves.h"

namespace kubus::cli {

struct Blame {
  boost::json::value value;
  // Into the versions given; where the history begins later than the object, the first one has the
  // fields that it found.
  size_t version = 0;
};

// `versions`: oldest first; empty ones are times at which the object was not there: what comes
// behind is a new life.
std::map<std::string, Blame> blame(const std::vector<Leaves>& versions);

}  // namespace kubus::cli
