// Events as lines of a file, which is renamed to FILE.1 (and that to FILE.2, …) before it grows
// beyond its size. A delivery is on disk when it is told. What a death left half written is cut
// off at the next start, and what the file has already is not written again.
#pragma once

#include <memory>

#include "bus/ports/ports.h"
#include "services/bridge/sinks/sink.h"

namespace kubus::bridge {

struct FileOptions {
  std::string path;
  uint64_t most_bytes = 100 << 20;
  int keep = 5;  // files besides the one that is written
};

class File : public Sink {
 public:
  // kUnavailable: it cannot be opened or mended.
  static Result<std::unique_ptr<File>> open(bus::Workers& workers, FileOptions options);
  ~File() override;

  void deliver(Items items, Done done) override;
  size_t most_items() const override;
  size_t most_event_bytes() const override;
  Revision has() const override { return has_; }
  std::string target() const override;

 private:
  class Writer;
  File(bus::Workers& workers, std::shared_ptr<Writer> writer);
  bus::Workers& workers_;
  std::shared_ptr<Writer> writer_;  // touched by one job at a time
  Revision has_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::bridge
