#include "bus/replay/speed.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace kubus::replay {

Result<Speed> Speed::parse(std::string_view text) {
  constexpr double kLeast = 0.001, kMost = 1e6;
  if (text == "max") return Speed{Mode::kMax, 1};
  if (text == "step") return Speed{Mode::kStep, 1};
  Speed out;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out.times);
  bool number = code == std::errc() && end == text.data() + text.size();
  if (number && std::isfinite(out.times) && out.times >= kLeast && out.times <= kMost) return out;
  return Error(
      Code::kBadRequest,
      "a speed is a number from 0.001 to 1000000 (1: as it happened), max or step, not \"" +
          std::string(text) + "\"");
}

std::string Speed::str() const {
  if (mode == Mode::kMax) return "max";
  if (mode == Mode::kStep) return "step";
  char text[32];
  std::snprintf(text, sizeof text, "%g", times);
  return text;
}

}  // namespace kubus::replay
