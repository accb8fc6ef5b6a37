#include "agents/kubelet/volumes/files.h"

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPart = ".new";

bool is_current(const std::string& path, const VolumeFile& file) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
      static_cast<int>(info.st_mode & 07777) != file.mode)
    return false;
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {}) == file.content;
}

Status write_file(const std::string& path, const VolumeFile& file) {
  if (is_current(path, file)) return {};
  std::string part = path + kPart;
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  ::chmod(part.c_str(), 0600);
  out << file.content;
  out.close();
  bool done = out && ::chmod(part.c_str(), static_cast<mode_t>(file.mode)) == 0 &&
              std::rename(part.c_str(), path.c_str()) == 0;
  return done ? Status() : Status(Error(Code::kInternal, "cannot write " + path));
}

void remove_others(const std::string& dir, const VolumeFiles& files) {
  std::error_code code;
  std::vector<fs::path> others;
  for (fs::recursive_directory_iterator at(dir, code), end; !code && at != end;
       at.increment(code)) {
    bool folder = at->is_directory(code) && !at->is_symlink(code);
    if (!folder && !files.count(at->path().lexically_relative(dir).string()))
      others.push_back(at->path());
  }
  for (const fs::path& p : others) fs::remove(p, code);
}

}  // namespace

bool stays_inside(const std::string& path) {
  fs::path p(path);
  if (path.empty() || p.is_absolute()) return false;
  for (const fs::path& part : p) {
    if (part == "..") return false;
  }
  return true;
}

Status write_files(const std::string& dir, const VolumeFiles& files) {
  std::error_code code;
  fs::create_directories(dir, code);
  if (code) return Error(Code::kInternal, "cannot make " + dir + ": " + code.message());
  remove_others(dir, files);
  for (const auto& [path, file] : files) {
    if (!stays_inside(path))
      return Error(Code::kInvalid, "the path \"" + path + "\" leads out of its volume");
    fs::path full = fs::path(dir) / path;
    fs::create_directories(full.parent_path(), code);
    if (Status s = write_file(full.string(), file); !s) return s;
  }
  return {};
}

}  // namespace kubus::kubelet
