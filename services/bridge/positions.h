// How far each route has come, kept across restarts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bus/ports/ports.h"
#include "schemas/lib/base/ids.h"
#include "schemas/lib/base/result.h"

namespace kubus::bridge {

class Positions {
 public:
  virtual ~Positions() = default;
  // nullopt: none is kept. An error: one is, and cannot be read.
  virtual Result<std::optional<Revision>> read(const std::string& route) = 0;
  // `done` comes when it is on disk; one at a time for each route. A death in between leaves the
  // one before.
  virtual void keep(const std::string& route, Revision position,
                    std::function<void(Status)> done) = 0;
};

// One file a route in `directory`, which is made: written beside, synced, renamed.
class FilePositions : public Positions {
 public:
  FilePositions(bus::Workers& workers, std::string directory, std::string cluster);

  Result<std::optional<Revision>> read(const std::string& route) override;
  void keep(const std::string& route, Revision position, std::function<void(Status)> done) override;

 private:
  std::string path(const std::string& route) const;
  bus::Workers& workers_;
  std::string directory_, cluster_;
};

}  // namespace kubus::bridge
