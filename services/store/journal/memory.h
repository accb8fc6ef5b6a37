// The journal in memory, for the simulator and unit tests. A batch becomes durable when its job has
// run on the lane "journal"; what had not run when the journal was destroyed is lost, or a prefix
// of it is not: see tear().
#pragma once

#include <functional>
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
    uint32_t crc = 0;  // of the bytes, as they were written
  };
  // After so many more batches writes fail, in the middle of a group if need be.
  void fail_after(size_t batches);
  void heal();
  // From now on, when a journal dies while a group is being written, some of the group's batches
  // are on the disk nevertheless: a prefix, maybe all, maybe none, as `random` chooses.
  void tear(std::function<uint64_t()> random);
  // A byte of that durable batch changes: who recovers must refuse. False: there is no such batch.
  bool rot(Revision revision);
  std::vector<Record> records() const;
  void release(Revision applied);

 private:
  friend class MemoryJournal;
  bool write(Record record);       // false: the fault struck
  size_t survivors(size_t group);  // how many of a dying journal's group
  Revision last() const;

  mutable std::mutex mutex_;
  std::vector<Record> records_;
  size_t budget_ = SIZE_MAX;
  std::function<uint64_t()> random_;
};

std::unique_ptr<Journal> open_memory_journal(std::shared_ptr<MemoryLog> log, bus::Workers& workers);

}  // namespace kubus::store
