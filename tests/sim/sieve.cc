#include "tests/sim/sieve.h"

#include <cstdio>

#include "tests/sim/run.h"

namespace kubus::sim {
namespace {

constexpr const char* kNames[] = {"nothing", "crash after write", "stale view after write",
                                  "missed event"};

struct Tally {
  size_t runs = 0, failed = 0;
};

void try_one(const Scenario& scenario, uint64_t seed, const Sieve& sieve, const Outcome& sound,
             Tally* tally) {
  Outcome outcome = run(scenario, seed, {.sieve = sieve});
  ++tally->runs;
  if (outcome.problems.empty() && outcome.summary == sound.summary) return;
  ++tally->failed;
  std::printf("FAILED %s, %s %zu\n", sieve.process.c_str(),
              kNames[static_cast<size_t>(sieve.pattern)], sieve.at);
  for (const auto& p : outcome.problems) std::printf("  %s\n", p.c_str());
  if (outcome.problems.empty())
    std::printf("  ended with %s\n  instead of %s\n", outcome.summary.c_str(),
                sound.summary.c_str());
}

}  // namespace

bool sieve(const Scenario& scenario, const std::string& process, const std::string& actor,
           size_t step, uint64_t seed) {
  Sieve s{Sieve::Pattern::kNone, process, actor};
  Outcome sound = run(scenario, seed, {.sieve = s});
  for (const auto& p : sound.problems) std::printf("  %s\n", p.c_str());
  if (!sound.problems.empty()) return false;
  Tally tally;
  for (auto pattern : {Sieve::Pattern::kCrash, Sieve::Pattern::kStale, Sieve::Pattern::kMissed}) {
    s.pattern = pattern;
    size_t most = pattern == Sieve::Pattern::kMissed ? sound.sieve_events : sound.sieve_writes;
    for (s.at = 1; s.at <= most; s.at += step) try_one(scenario, seed, s, sound, &tally);
  }
  std::printf("%s: %zu writes, %zu events; %zu runs, %zu failed\n", process.c_str(),
              sound.sieve_writes, sound.sieve_events, tally.runs, tally.failed);
  return tally.failed == 0;
}

}  // namespace kubus::sim
