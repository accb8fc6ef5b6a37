// A scenario: what cluster there is, what its users do, what breaks, and by when all must be well
// again. Read from a small text format; tests/sim/README.md describes it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bus/ports/clock.h"
#include "schemas/lib/base/result.h"
#include "tests/sim/cluster/cluster.h"

namespace kubus::sim {

// "roll web every=30s": a word, then names, then key=value.
struct Step {
  std::string word;
  std::vector<std::string> names;
  std::map<std::string, std::string, std::less<>> options;
  int line = 0;

  bool has(std::string_view key) const { return options.find(key) != options.end(); }
  std::string text(std::string_view key, std::string_view otherwise = "") const;
  int number(std::string_view key, int otherwise) const;
  bus::Duration duration(std::string_view key, bus::Duration otherwise) const;
  // "5s..2m"; "5s" is both ends.
  std::pair<bus::Duration, bus::Duration> range(std::string_view key,
                                                std::string_view otherwise) const;
  std::string name(size_t i = 0) const { return i < names.size() ? names[i] : ""; }
};

struct Scenario {
  std::string name, about;  // about: its first comment
  ClusterSpec cluster;
  std::vector<Step> setup;     // done once, before anything breaks
  std::vector<Step> workload;  // what users do while things break
  std::vector<Step> faults;
  std::vector<Step> expectations;
  bus::Duration safety{};    // how long things break
  bus::Duration converge{};  // by then all must be well after healing
};

// kBadRequest names the line and what is wrong with it.
Result<Scenario> parse_scenario(std::string_view name, std::string_view text);
Result<bus::Duration> parse_duration(std::string_view text);

}  // namespace kubus::sim
