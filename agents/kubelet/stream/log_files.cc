#include "agents/kubelet/stream/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agents/kubelet/logs/log_keeper.h"

namespace kubus::kubelet {
namespace {

constexpr size_t kTailChunk = 64 << 10;

uint64_t inode_of(int descriptor, int64_t* size = nullptr) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) return 0;
  if (size) *size = info.st_size;
  return info.st_ino;
}

std::string read_range(int descriptor, int64_t begin, int64_t end) {
  std::string out(static_cast<size_t>(end - begin), '\0');
  size_t n = 0;
  while (n < out.size()) {
    ssize_t got =
        ::pread(descriptor, out.data() + n, out.size() - n, begin + static_cast<off_t>(n));
    if (got <= 0) break;
    n += static_cast<size_t>(got);
  }
  out.resize(n);
  return out;
}

}  // namespace

Result<LogFiles> LogFiles::open(const std::string& path) {
  LogFiles out(path);
  Status last = Error(Code::kNotFound, "there is no log at " + path);
  for (const std::string& one : log_files_of(path)) last = out.add(one);
  if (out.files_.empty()) return last.error();
  return out;
}

Status LogFiles::add(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return Error(Code::kNotFound, "there is no log at " + path);
  std::shared_ptr<const int> owned(new int(descriptor), [](const int* d) {
    ::close(*d);
    delete d;
  });
  uint64_t inode = inode_of(descriptor);
  for (const File& f : files_) {
    if (f.inode == inode) return {};  // renamed while the directory was read
  }
  files_.push_back({std::move(owned), inode});
  return {};
}

void LogFiles::seek_tail(int64_t lines) {
  TailCounter counter(lines);
  for (size_t i = files_.size(); i-- > 0;) {
    int64_t end = 0;
    inode_of(*files_[i].descriptor, &end);
    for (int64_t size = kTailChunk; end > 0;) {
      int64_t begin = std::max<int64_t>(0, end - size);
      std::string chunk = read_range(*files_[i].descriptor, begin, end);
      size_t first = begin == 0 ? 0 : chunk.find('\n') + 1;
      // No entry begins in it: a larger one is needed.
      if (begin > 0 && (first == 0 || first == chunk.size())) {
        size *= 2;
        continue;
      }
      size = kTailChunk;
      if (auto found = counter.feed(std::string_view(chunk).substr(first))) {
        at_ = i;
        offset_ = begin + static_cast<int64_t>(first + *found);
        return;
      }
      end = begin + static_cast<int64_t>(first);
    }
  }
}

bool LogFiles::read(size_t most, std::string* out) {
  size_t before = out->size();
  out->resize(before + most);
  ssize_t got = 0;
  while (true) {
    got = ::pread(*files_[at_].descriptor, out->data() + before, most, offset_);
    if (got > 0 || at_ + 1 == files_.size()) break;
    ++at_;
    offset_ = 0;
  }
  size_t n = got > 0 ? static_cast<size_t>(got) : 0;
  out->resize(before + n);
  offset_ += static_cast<int64_t>(n);
  return n > 0;
}

bool LogFiles::follow_rotation() {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0 || info.st_ino == files_.back().inode) return false;
  size_t before = files_.size();
  if (!add(path_) || files_.size() == before) return false;
  // What is read through lies behind us.
  if (at_ > 0) {
    files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ = 0;
  }
  return true;
}

}  // namespace kubus::kubelet
