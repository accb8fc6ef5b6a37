#include "agents/kubelet/volumes/ownership.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFile = 0660, kDirectory = 02770;

Error failed(const std::string& what) {
  return Error(Code::kInternal, what + ": " + std::strerror(errno));
}

bool give(const fs::path& path, int64_t group) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return errno == ENOENT;
  if (::lchown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group)) != 0) return false;
  if (S_ISLNK(info.st_mode)) return true;
  mode_t more = S_ISDIR(info.st_mode) ? kDirectory : kFile;
  return ::chmod(path.c_str(), (info.st_mode & 07777) | more) == 0;
}

// Escapes of mountinfo: \040 and the like.
std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> mounts_below(const std::string& dir) {
  std::vector<std::string> out;
  std::ifstream in("/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string skipped, place;
    words >> skipped >> skipped >> skipped >> skipped >> place;
    place = unescaped(place);
    if (place == dir || place.rfind(dir + "/", 0) == 0) out.push_back(place);
  }
  return out;
}

}  // namespace

Status give_to_group(const std::string& dir, int64_t group, bool only_if_root_differs) {
  struct stat info {};
  if (::stat(dir.c_str(), &info) != 0) return failed(dir);
  bool right =
      static_cast<int64_t>(info.st_gid) == group && (info.st_mode & kDirectory) == kDirectory;
  if (right && only_if_root_differs) return {};
  std::error_code code;
  for (fs::recursive_directory_iterator at(dir, code), end; !code && at != end;
       at.increment(code)) {
    if (!give(at->path(), group)) return failed("cannot give " + at->path().string());
  }
  // The root comes last: it says that all the rest is done.
  if (!give(dir, group)) return failed("cannot give " + dir);
  return {};
}

Status mount_memory(const std::string& dir, int64_t bytes) {
  for (const std::string& place : mounts_below(dir)) {
    if (place == dir) return {};
  }
  std::string options = "mode=0777";
  if (bytes > 0) options += ",size=" + std::to_string(bytes);
  if (::mount("tmpfs", dir.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) == 0) return {};
  return failed("cannot mount a file system in memory at " + dir);
}

void unmount_below(const std::string& dir) {
  std::vector<std::string> places = mounts_below(dir);
  for (auto at = places.rbegin(); at != places.rend(); ++at) ::umount2(at->c_str(), MNT_DETACH);
}

}  // namespace kubus::kubelet
