#include "agents/kubelet/volumes/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kData = "..data";
constexpr const char* kVersion = "..v";  // and a number
constexpr mode_t kGroupReads = 0440, kSetGid = 02750;

Error failed(const std::string& what) {
  return Error(Code::kInternal, "cannot write " + what);
}

mode_t mode_of(const VolumeFile& file, std::optional<int64_t> group) {
  auto mode = static_cast<mode_t>(file.mode);
  return group ? mode | kGroupReads : mode;
}

bool is_current(const fs::path& path, const VolumeFile& file, std::optional<int64_t> group) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
      (info.st_mode & 07777) != mode_of(file, group) ||
      static_cast<int64_t>(info.st_gid) != group.value_or(info.st_gid))
    return false;
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {}) == file.content;
}

bool all_current(const fs::path& data, const VolumeFiles& files, std::optional<int64_t> group) {
  std::error_code code;
  size_t found = 0;
  for (fs::recursive_directory_iterator at(data, code), end; !code && at != end;
       at.increment(code)) {
    if (at->is_directory(code)) continue;
    auto file = files.find(at->path().lexically_relative(data).string());
    if (file == files.end() || !is_current(at->path(), file->second, group)) return false;
    ++found;
  }
  return !code && found == files.size();
}

Status write_file(const fs::path& path, const VolumeFile& file, std::optional<int64_t> group) {
  std::error_code code;
  fs::create_directories(path.parent_path(), code);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  ::chmod(path.c_str(), 0600);
  out << file.content;
  out.close();
  bool given = !group && file.owner == 0;
  bool done = out && (given || ::chown(path.c_str(), static_cast<uid_t>(file.owner),
                                       static_cast<gid_t>(group.value_or(0))) == 0);
  done = done && ::chmod(path.c_str(), mode_of(file, group)) == 0;
  return done ? Status() : Status(failed(path.string()));
}

void give_directories(const fs::path& root, std::optional<int64_t> group) {
  if (!group) return;
  std::error_code code;
  auto give = [&](const fs::path& p) {
    if (::chown(p.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(*group)) == 0)
      ::chmod(p.c_str(), kSetGid | 0755);
  };
  give(root);
  for (fs::recursive_directory_iterator at(root, code), end; !code && at != end;
       at.increment(code)) {
    if (at->is_directory(code) && !at->is_symlink(code)) give(at->path());
  }
}

// Another name than that of the present version.
fs::path next_version(const fs::path& dir) {
  std::error_code code;
  std::string now = fs::read_symlink(dir / kData, code).string();
  int number = 1;
  while (now == kVersion + std::to_string(number)) ++number;
  return dir / (kVersion + std::to_string(number));
}

Status replace_link(const fs::path& link, const fs::path& target) {
  std::error_code code;
  fs::path part = link.string() + ".new";
  fs::remove(part, code);
  fs::create_symlink(target, part, code);
  if (!code) fs::rename(part, link, code);
  return code ? Status(failed(link.string())) : Status();
}

// The links that containers see: one for each first part of a path.
Status link_files(const fs::path& dir, const VolumeFiles& files, const fs::path& version) {
  std::error_code code;
  std::set<std::string> first;
  for (const auto& [path, file] : files) first.insert((*fs::path(path).begin()).string());
  for (const std::string& name : first) {
    if (fs::read_symlink(dir / name, code) == fs::path(kData) / name) continue;
    fs::remove_all(dir / name, code);
    if (Status s = replace_link(dir / name, fs::path(kData) / name); !s) return s;
  }
  for (const auto& entry : fs::directory_iterator(dir, code)) {
    std::string name = entry.path().filename().string();
    if (name == kData || entry.path() == version || first.count(name)) continue;
    fs::remove_all(entry.path(), code);
  }
  return {};
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

Status write_files(const std::string& at, const VolumeFiles& files, std::optional<int64_t> group) {
  fs::path dir(at);
  for (const auto& [path, file] : files) {
    if (!stays_inside(path))
      return Error(Code::kInvalid, "the path \"" + path + "\" leads out of its volume");
  }
  std::error_code code;
  fs::create_directories(dir, code);
  if (code) return Error(Code::kInternal, "cannot make " + at + ": " + code.message());
  fs::path present = fs::read_symlink(dir / kData, code);
  if (!present.empty() && all_current(dir / present, files, group)) return {};
  fs::path version = next_version(dir);
  fs::remove_all(version, code);
  fs::create_directories(version, code);
  for (const auto& [path, file] : files) {
    if (Status s = write_file(version / path, file, group); !s) return s;
  }
  give_directories(version, group);
  if (Status s = replace_link(dir / kData, version.filename()); !s) return s;
  if (Status s = link_files(dir, files, version); !s) return s;
  return {};
}

}  // namespace kubus::kubelet
