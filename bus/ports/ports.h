// Everything through which a component sees the world. Passed to constructors; outlives the
// component.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bus/ports/bus.h"
#include "bus/ports/clock.h"

namespace kubus::bus {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
  // Uniform in [0, bound). bound > 0.
  uint64_t below(uint64_t bound) { return next() % bound; }
  // RFC 4122 version 4, lower case.
  std::string uuid();
  // `n` characters of Kubernetes' suffix alphabet (bcdfghjklmnpqrstvwxz2456789).
  std::string suffix(size_t n);
};

enum class Level : uint8_t { kDebug, kInfo, kWarn, kError };

class Log {
 public:
  virtual ~Log() = default;
  // One line; adapters add time and component.
  virtual void write(Level level, std::string_view line) = 0;
  void debug(std::string_view line) { write(Level::kDebug, line); }
  void info(std::string_view line) { write(Level::kInfo, line); }
  void warn(std::string_view line) { write(Level::kWarn, line); }
  void error(std::string_view line) { write(Level::kError, line); }
};

// Runs a job elsewhere. `job` must touch nothing that the loop thread touches meanwhile; `done`
// runs on the loop thread. Jobs of one `lane` run one after another in order; different lanes may
// run at once.
class Workers {
 public:
  virtual ~Workers() = default;
  virtual void run(std::string_view lane, std::function<void()> job,
                   std::function<void()> done) = 0;
};

struct Ports {
  Bus& bus;
  Clock& clock;
  Random& random;
  Log& log;
  Workers& workers;
};

}  // namespace kubus::bus
