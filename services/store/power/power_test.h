// What both power tests share.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace kubus::store::power {

// A directory in memory if there is such a place: a test lays thousands of disks.
class Folder {
 public:
  Folder() {
    namespace fs = std::filesystem;
    fs::path base = fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string pattern = base / "kubus-power-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kubus::store::power
