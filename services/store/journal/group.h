// Group commit, the same for every journal that syncs on this machine: one job on the lane
// "journal" at a time; what is appended meanwhile waits and goes with the next.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bus/ports/ports.h"
#include "services/store/journal/journal.h"

namespace kubus::store {

// Writes and syncs a group; runs on the lane. Fills `durable`, one for each entry.
using GroupWriter =
    std::function<Status(std::span<const JournalEntry> group, std::vector<Durable>* durable)>;

class GroupCommit {
 public:
  // `max_bytes`: a group stops growing there.
  GroupCommit(bus::Workers& workers, GroupWriter writer, size_t max_bytes);
  ~GroupCommit();  // a job that has not begun will do nothing
  GroupCommit(const GroupCommit&) = delete;

  void start(JournalHandler handler);
  void append(JournalEntry entry);
  uint64_t syncs() const { return syncs_; }
  // What is being written and has not been told of.
  std::span<const JournalEntry> in_flight() const;

 private:
  struct Job;
  void run();
  void on_written(const Job& job);

  bus::Workers& workers_;
  GroupWriter writer_;
  size_t max_bytes_;
  JournalHandler handler_;
  std::vector<JournalEntry> waiting_;
  std::shared_ptr<Job> running_;
  uint64_t syncs_ = 0;
  bool failed_ = false;
};

}  // namespace kubus::store
