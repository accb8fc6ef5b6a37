// How much of the machine is left, and whether that is too little. Reading is apart from judging.
#pragma once

#include <cstdint>
#include <string>

namespace kubus::kubelet {

// 0 of a total: it could not be read, and nothing is said about it.
struct Readings {
  int64_t memory_total = 0, memory_available = 0;  // bytes
  int64_t disk_total = 0, disk_available = 0;      // of the state directory's file system
  int64_t inodes_total = 0, inodes_available = 0;
  int64_t pids_total = 0, pids_used = 0;
};
Readings read_pressure(const std::string& state_dir);

// A text for each that is true: why; "" : it is not.
struct Pressure {
  std::string memory, disk, pids;
  friend bool operator==(const Pressure&, const Pressure&) = default;
};
// What presses already lets go only a little further off, so that nothing flutters.
Pressure judge_pressure(const Readings& now, const Pressure& before);

}  // namespace kubus::kubelet
