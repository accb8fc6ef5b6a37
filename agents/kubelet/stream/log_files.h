// The files of one container run's log, oldest first: what was rotated away, and the one that is
// written now. Reads the disk; safe to hand to a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/kubelet/stream/log_text.h"
#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

class LogFiles {
 public:
  // `path`: of the file that is written now; log_files_of() says where the older ones are.
  // kNotFound: there is none.
  static Result<LogFiles> open(const std::string& path);
  LogFiles(LogFiles&&) = default;
  LogFiles& operator=(LogFiles&&) = default;

  // Moves to where the last `lines` begin.
  void seek_tail(int64_t lines);
  // Appends up to `most` bytes; false: nothing more is there now.
  bool read(size_t most, std::string* out);
  // The file that is written now is another than the last one known: it is read next.
  bool follow_rotation();

 private:
  struct File {
    std::shared_ptr<const int> descriptor;  // closed with its last owner
    uint64_t inode = 0;
  };
  explicit LogFiles(std::string path) : path_(std::move(path)) {}
  Status add(const std::string& path);

  std::string path_;
  std::vector<File> files_;
  size_t at_ = 0;
  int64_t offset_ = 0;
};

}  // namespace kubus::kubelet
