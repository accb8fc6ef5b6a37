// How fast the past is played.
#pragma once

#include <string>
#include <string_view>

#include "schemas/lib/base/result.h"

namespace kubus::replay {

struct Speed {
  enum class Mode : uint8_t {
    kTimes,  // `times` as fast as it happened
    kMax,    // as fast as it is taken
    kStep,   // only when told to step
  };
  Mode mode = Mode::kTimes;
  double times = 1;

  // "1", "0.5", "max", "step". kBadRequest says what is accepted.
  static Result<Speed> parse(std::string_view text);
  std::string str() const;
};

}  // namespace kubus::replay
