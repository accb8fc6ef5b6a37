// An archive file into tables: read, unpacked and hashed on worker threads, laid into the tables in
// its order.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "bus/archive/file/file.h"
#include "bus/ports/ports.h"
#include "services/store/engine/engine.h"
#include "services/store/state/loader.h"

namespace kubus::store {

struct LoadOptions {
  // Where to stop, if either is given: the last revision, or the last that was written at or before
  // that time (unix ns). What stands behind is read and checked nevertheless.
  uint64_t to_revision = 0;
  int64_t to_time_ns = 0;
  IndexedOf indexed_of;  // none: for readers of the past
  // Told now and then how far it is, on the thread of the caller.
  std::function<void(Revision at, Revision last)> progress;
};

struct Loaded {
  archive::FileHeader header;
  uint64_t records = 0;
  Revision last;
  int64_t time_ns = 0;      // of the last
  std::set<uint64_t> keys;  // under which the bodies of Secrets are sealed
  uint64_t left_out = 0;    // bodies that are not in the archive
};

// Fills the empty engine. kInvalid: the file is damaged or altered, names file and offset or
// revision; kExpired, kBadRequest: there is no such point in it; kUnavailable: I/O. After an error
// what the engine holds is worth nothing. Blocks.
Result<Loaded> load_archive(const std::string& file, Engine* engine, LoadOptions options = {});

}  // namespace kubus::store
