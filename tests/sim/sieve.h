// Three ways to be unlucky, tried one by one against one program: it dies after each single write
// of its own, it goes on for a while with a view that stands still after each, and each single
// event that it should hear is lost. Every time the cluster must end as it does when nothing goes
// wrong. (The patterns are those that Sieve, OSDI 2022, found most faults of controllers with.)
#pragma once

#include <string>

#include "tests/sim/scenario/scenario.h"

namespace kubus::sim {

struct Sieve {
  enum class Pattern : uint8_t { kNone, kCrash, kStale, kMissed };
  Pattern pattern = Pattern::kNone;
  std::string process;  // "controllers-0"
  std::string actor;    // who writes: "controllers"
  size_t at = 0;        // which write, or which event, from 1
};

// Tries every `step`th write and event of that process, tells what differs, and sums up in a line.
// True: nothing did.
bool sieve(const Scenario& scenario, const std::string& process, const std::string& actor,
           size_t step, uint64_t seed);

}  // namespace kubus::sim
