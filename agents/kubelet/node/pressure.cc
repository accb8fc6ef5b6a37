#include "agents/kubelet/node/pressure.h"

#include <sys/statvfs.h>

#include <fstream>
#include <sstream>

namespace kubus::kubelet {
namespace {

constexpr int64_t kMib = 1 << 20;
constexpr int64_t kLeastMemory = 100 * kMib;
constexpr double kLeastShare = 0.05, kLetGo = 1.2;

int64_t number_in(const char* path) {
  std::ifstream in(path);
  int64_t out = 0;
  in >> out;
  return out;
}

void read_memory(Readings* out) {
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    int64_t kib = 0;
    words >> name >> kib;
    if (name == "MemTotal:") out->memory_total = kib * 1024;
    if (name == "MemAvailable:") out->memory_available = kib * 1024;
  }
}

// "0.50 0.40 0.30 2/345 6789": 345 threads.
int64_t threads() {
  std::ifstream in("/proc/loadavg");
  std::string skipped, running;
  in >> skipped >> skipped >> skipped >> running;
  size_t slash = running.find('/');
  int64_t out = 0;
  if (slash != std::string::npos) std::istringstream(running.substr(slash + 1)) >> out;
  return out;
}

bool short_of(int64_t available, int64_t least, bool before) {
  return static_cast<double>(available) < static_cast<double>(least) * (before ? kLetGo : 1.0);
}

int64_t share_of(int64_t total) {
  return static_cast<int64_t>(static_cast<double>(total) * kLeastShare);
}

}  // namespace

Readings read_pressure(const std::string& state_dir) {
  Readings out;
  read_memory(&out);
  struct statvfs disk {};
  if (::statvfs(state_dir.c_str(), &disk) == 0) {
    auto block = static_cast<int64_t>(disk.f_frsize);
    out.disk_total = static_cast<int64_t>(disk.f_blocks) * block;
    out.disk_available = static_cast<int64_t>(disk.f_bavail) * block;
    out.inodes_total = static_cast<int64_t>(disk.f_files);
    out.inodes_available = static_cast<int64_t>(disk.f_favail);
  }
  out.pids_total = number_in("/proc/sys/kernel/pid_max");
  out.pids_used = threads();
  return out;
}

Pressure judge_pressure(const Readings& r, const Pressure& before) {
  Pressure out;
  if (r.memory_total > 0 && short_of(r.memory_available, kLeastMemory, !before.memory.empty()))
    out.memory = "less than 100 MiB of memory are available";
  bool space =
      r.disk_total > 0 && short_of(r.disk_available, share_of(r.disk_total), !before.disk.empty());
  bool inodes = r.inodes_total > 0 &&
                short_of(r.inodes_available, share_of(r.inodes_total), !before.disk.empty());
  if (space) out.disk = "less than 5 % of the disk with Pods' files is free";
  if (inodes) out.disk = "less than 5 % of the inodes of the disk with Pods' files are free";
  bool pids = r.pids_total > 0 &&
              short_of(r.pids_total - r.pids_used, share_of(r.pids_total), !before.pids.empty());
  if (pids) out.pids = "less than 5 % of the process ids are free";
  return out;
}

}  // namespace kubus::kubelet
