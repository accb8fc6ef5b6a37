// The segment files of a directory: reading them back, writing frames, making, recycling and
// removing files. Blocking; used by the lanes "journal" (write) and "journal-files" (the rest),
// never at once by two threads but where said.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "services/store/journal/segment.h"
#include "services/store/journal/segment_format.h"

namespace kubus::store {

class SegmentFiles {
 public:
  explicit SegmentFiles(SegmentOptions options) : options_(std::move(options)) {}
  ~SegmentFiles();
  SegmentFiles(const SegmentFiles&) = delete;

  Status open();  // makes and locks the directory
  Result<std::vector<Durable>> recover(Revision applied, const Chain& chain,
                                       const Journal::Replay& replay);
  // Writes the group and makes it durable.
  Status write(std::span<const JournalEntry> group, std::vector<Durable>* durable);
  // Ends the present segment, if there is one: the next group begins another. From now on segments
  // that begin at `scrub` or before are zeroed when they become free.
  void close_segment(Revision scrub);
  // Makes a spare if there is none. Beside write(), on another thread.
  void prepare();
  // Segments wholly up to `applied` become spares, or go. Beside write(), on another thread.
  void release(Revision applied);
  // From now on nothing is written.
  void stop() { stopped_ = true; }

 private:
  struct Segment {
    std::string path;
    Revision first, last;
    uint64_t size = 0;
  };
  struct Recovery;

  Status recover_segment(const Segment& segment, bool is_last, Recovery* r);
  Status find_segments(std::vector<Segment>* segments);
  Status check_tail(const Segment& segment, ByteView file, uint64_t id, size_t offset) const;
  Status roll(Revision first, size_t needed);
  Status put_header(int fd, const std::string& path, Revision first);
  Result<std::string> make_file(uint64_t size);
  bool zero(const Segment& segment);
  std::string spare_or_empty(uint64_t size);
  Status sync_current();
  Error failed(const std::string& what, const std::string& path) const;

  SegmentOptions options_;
  int lock_ = -1, directory_ = -1;
  std::atomic<bool> stopped_ = false;

  // The lane "journal" alone.
  int fd_ = -1;
  Segment current_;
  uint64_t id_ = 0, offset_ = 0, synced_ = 0;
  Chain chain_{};

  std::mutex mutex_;  // guards what follows
  uint64_t next_id_ = 1, next_spare_ = 1;
  Revision scrub_to_;
  bool scrub_free_ = false;
  std::deque<Segment> closed_;
  std::vector<Segment> free_;
};

}  // namespace kubus::store
