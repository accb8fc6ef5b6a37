#include "tests/sim/story.h"

#include <cstdio>

namespace kubus::sim {
namespace {
constexpr size_t kKept = 20;
}

std::string Story::stamped(std::string_view who, std::string_view what) const {
  char time[32];
  std::snprintf(time, sizeof time, "%10.3f  ", static_cast<double>(clock_()) / 1e9);
  std::string out = time + std::string(who);
  out.resize(std::max<size_t>(out.size(), 28), ' ');
  return out + "  " + std::string(what);
}

void Story::tell(std::string_view who, std::string_view what) {
  if (print_) print_(stamped(who, what));
}

void Story::wrong(std::string_view checker, std::string_view what) {
  ++wrongs_;
  std::string line = stamped(checker, "WRONG: " + std::string(what));
  if (print_) print_(line);
  if (problems_.size() < kKept) problems_.push_back(std::move(line));
}

}  // namespace kubus::sim
