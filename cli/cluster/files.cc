#include "cli/cluster/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace kubus::cli {
namespace {

Error system_error(const std::string& what) {
  return Error(Code::kInternal, what + ": " + std::strerror(errno));
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    content.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return system_error("cannot read " + path);
  std::ostringstream out;
  out << in.rdbuf();
  if (in.bad()) return system_error("cannot read " + path);
  return std::move(out).str();
}

Status write_file(const std::string& path, std::string_view content, int mode) {
  std::string part = path + ".new";
  int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return system_error("cannot write " + part);
  bool ok =
      ::fchmod(fd, static_cast<mode_t>(mode)) == 0 && write_all(fd, content) && ::fsync(fd) == 0;
  Error error = system_error("cannot write " + part);
  ::close(fd);
  if (!ok) return error;
  if (::rename(part.c_str(), path.c_str()) != 0) return system_error("cannot write " + path);
  return {};
}

Status make_directories(const std::string& path, int mode) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return Error(Code::kInternal, "cannot make " + path + ": " + code.message());
  if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0)
    return system_error("cannot set the mode of " + path);
  return {};
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace kubus::cli
