// The journal in memory, for the simulator and unit tests. A batch becomes durable when its job has
// run on the lane "journal"; what had not run when the journal was destroyed is lost.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "bus/ports/ports.h"
#include "services/store/journal/journal.h"

namespace kubus::store {

// The "disk" under a memory journal: survives the journal that writes it.
class MemoryLog {
 public:
  struct Record {
    Revision first, last;
    int64_t time_ns = 0;
    Buffer bytes;
    Chain chain{};
  };
  // After so many more batches writes fail, in the middle of a group if need be.
  void fail_after(size_t batches);
  void heal();
  std::vector<Record> records() const;
  void release(Revision applied);

 private:
  friend class MemoryJournal;
  bool write(Record record);  // false: the fault struck

  mutable std::mutex mutex_;
  std::vector<Record> records_;
  size_t budget_ = SIZE_MAX;
};

std::unique_ptr<Journal> open_memory_journal(std::shared_ptr<MemoryLog> log, bus::Workers& workers);

}  // namespace kubus::store
