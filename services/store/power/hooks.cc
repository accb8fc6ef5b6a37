// The system's calls, recorded. Their definitions in the program go before the C library's.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>

#include "services/store/power/disk.h"

namespace kubus::store::power {
namespace {

Disk* active = nullptr;
constexpr uint64_t kPage = 4096;

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}
int fail() {
  errno = EIO;
  return -1;
}

}  // namespace

struct Hooks {
  static Disk::Descriptor* find(int fd) {
    if (active == nullptr) return nullptr;
    auto found = active->descriptors_.find(fd);
    return found == active->descriptors_.end() ? nullptr : &found->second;
  }
  static int permit() { return active->permit(); }
  static uint64_t random() { return active->random_; }
  static void record(Event e) { active->events_.push_back(std::move(e)); }
  static void opened(int fd, const char* path, int flags) {
    if (active != nullptr && fd >= 0) active->opened(fd, path, flags);
  }
  static void closed(int fd) {
    if (active != nullptr) active->descriptors_.erase(fd);
  }

  // Writes by pwrite and records it; a dying process writes whole pages of it at most, and does
  // not wait for the disk.
  static ssize_t write(int fd, Disk::Descriptor& d, Buffer bytes, uint64_t offset) {
    static auto* real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
    int may = permit();
    if (may == 0) return fail();
    if (may == 2) {
      uint64_t end = offset + bytes.size(), cut = offset + random() % (bytes.size() + kPage);
      if (cut < end) bytes.resize(std::max(cut / kPage * kPage, offset) - offset);
    }
    ssize_t n =
        bytes.empty() ? 0 : real(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n > 0) {
      bytes.resize(static_cast<size_t>(n));
      record(
          {Event::Kind::kWrite, d.file, offset, std::move(bytes), d.is_synced && may == 1, "", ""});
    }
    return may == 1 ? n : fail();
  }
  static int sync(int fd, const char* name) {
    auto* d = find(fd);
    if (d == nullptr) return next<int(int)>(name)(fd);
    if (permit() != 1) return fail();
    auto kind = d->is_folder ? Event::Kind::kSyncFolder : Event::Kind::kSync;
    record({kind, d->file, 0, {}, false, d->path, ""});
    return 0;
  }
  static bool below(const char* path, std::string* relative) {
    return active != nullptr && active->is_below(path, relative);
  }
  static std::map<std::string, int>& names() { return active->names_; }
};

Disk::Disk(std::string root) : root_(std::move(root)) {
  active = this;
}
Disk::~Disk() {
  stop();
}
void Disk::stop() {
  if (active == this) active = nullptr;
}

}  // namespace kubus::store::power

using kubus::Buffer;
using kubus::store::power::Event;
using kubus::store::power::fail;
using kubus::store::power::Hooks;
using kubus::store::power::next;

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  static auto* real = next<int(const char*, int, ...)>("open");
  int fd = real(path, flags, mode);
  Hooks::opened(fd, path, flags);
  return fd;
}

int close(int fd) {
  static auto* real = next<int(int)>("close");
  Hooks::closed(fd);
  return real(fd);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  auto* d = Hooks::find(fd);
  if (d == nullptr)
    return next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(fd, data, size, offset);
  const auto* bytes = static_cast<const uint8_t*>(data);
  return Hooks::write(fd, *d, Buffer(bytes, bytes + size), static_cast<uint64_t>(offset));
}

ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  auto* d = Hooks::find(fd);
  if (d == nullptr)
    return next<ssize_t(int, const iovec*, int, off_t)>("pwritev")(fd, pieces, count, offset);
  Buffer all;
  for (int i = 0; i < count; ++i) {
    const auto* bytes = static_cast<const uint8_t*>(pieces[i].iov_base);
    all.insert(all.end(), bytes, bytes + pieces[i].iov_len);
  }
  return Hooks::write(fd, *d, std::move(all), static_cast<uint64_t>(offset));
}

ssize_t writev(int fd, const iovec* pieces, int count) {
  if (Hooks::find(fd) == nullptr)
    return next<ssize_t(int, const iovec*, int)>("writev")(fd, pieces, count);
  ssize_t n = pwritev(fd, pieces, count, lseek(fd, 0, SEEK_CUR));
  if (n > 0) lseek(fd, n, SEEK_CUR);
  return n;
}

ssize_t write(int fd, const void* data, size_t size) {
  static auto* real = next<ssize_t(int, const void*, size_t)>("write");
  if (Hooks::find(fd) == nullptr) return real(fd, data, size);
  ssize_t n = pwrite(fd, data, size, lseek(fd, 0, SEEK_CUR));
  if (n > 0) lseek(fd, n, SEEK_CUR);
  return n;
}

int fdatasync(int fd) {
  return Hooks::sync(fd, "fdatasync");
}
int fsync(int fd) {
  return Hooks::sync(fd, "fsync");
}

int mkdir(const char* path, mode_t mode) noexcept {
  int rc = next<int(const char*, mode_t)>("mkdir")(path, mode);
  std::string name;
  if (rc == 0 && Hooks::below(path, &name))
    Hooks::record({Event::Kind::kName, -1, 0, {}, false, name, ""});
  return rc;
}

int rename(const char* from, const char* to) noexcept {
  std::string before, after;
  bool mine = Hooks::below(from, &before) && Hooks::below(to, &after);
  if (mine && Hooks::permit() != 1) return fail();
  int rc = next<int(const char*, const char*)>("rename")(from, to);
  if (rc != 0 || !mine) return rc;
  int file = Hooks::names()[before];
  Hooks::names().erase(before);
  Hooks::names()[after] = file;
  Hooks::record({Event::Kind::kName, file, 0, {}, false, after, before});
  return rc;
}

int unlink(const char* path) noexcept {
  std::string name;
  bool mine = Hooks::below(path, &name);
  if (mine && Hooks::permit() != 1) return fail();
  int rc = next<int(const char*)>("unlink")(path);
  if (rc != 0 || !mine) return rc;
  Hooks::names().erase(name);
  Hooks::record({Event::Kind::kUnname, 0, 0, {}, false, name, ""});
  return rc;
}

}  // extern "C"
