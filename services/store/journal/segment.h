// The journal on files: segments `<first revision>.seg` of fixed size, zeroed once and used again,
// so that a sync never waits for the file system's own metadata. One write and one fdatasync for
// each group. FORMAT.md has the layout.
#pragma once

#include <memory>
#include <string>

#include "bus/ports/ports.h"
#include "services/store/journal/journal.h"

namespace kubus::store {

struct SegmentOptions {
  std::string directory;  // made if it is not there
  uint64_t segment_bytes = 32 << 20;
  size_t spares = 3;  // segments kept for later use
};

// Takes the directory's lock. kUnavailable: I/O, or another process holds it. `workers` must
// outlive the journal.
Result<std::unique_ptr<Journal>> open_segments(const SegmentOptions& options,
                                               bus::Workers& workers);

}  // namespace kubus::store
