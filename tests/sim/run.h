// One run of one scenario with one seed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/scenario/scenario.h"
#include "tests/sim/sieve.h"
#include "tests/sim/story.h"

namespace kubus::sim {

struct RunOptions {
  Story::Print print;     // null: nobody listens to the story
  bool messages = false;  // print every message on the bus, too
  bool fingerprint = false;
  Sieve sieve = {};  // what else goes wrong
};

struct Outcome {
  std::vector<std::string> problems;  // empty: all held
  double simulated_s = 0;
  std::map<std::string, size_t> faults;  // and how often the past was looked at
  size_t events = 0, acknowledged = 0, operations = 0;
  // Of every message and fault: the same for the same seed. 0 unless asked for.
  uint64_t fingerprint = 0;
  std::string summary;  // what there is in the end, without names and numbers that chance makes
  size_t sieve_writes = 0, sieve_events = 0;  // of the process that the sieve is about
};

Outcome run(const Scenario& scenario, uint64_t seed, const RunOptions& options);

}  // namespace kubus::sim
