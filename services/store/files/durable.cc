#include "services/store/files/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kubus::store {
namespace {

Error failed(const std::string& what, const std::string& path) {
  return Error(Code::kUnavailable, what + " " + path + ": " + std::strerror(errno));
}

std::string parent_of(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Status make_durable_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("making", path);
  return sync_directory(
      parent_of(path));  // also if it is there: who made it may not have come to it
}

namespace {
Status sync_opened(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (fd < 0) return failed("opening", path);
  bool ok = fsync(fd) == 0;
  Error error = failed("syncing", path);
  close(fd);
  return ok ? Status() : error;
}
}  // namespace

Status sync_file(const std::string& path) {
  return sync_opened(path, 0);
}

Status sync_directory(const std::string& path) {
  return sync_opened(path, O_DIRECTORY);
}

}  // namespace kubus::store
