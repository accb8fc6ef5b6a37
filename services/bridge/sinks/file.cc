#include "services/bridge/sinks/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace kubus::bridge {
namespace {

constexpr size_t kMostItems = 1024;
constexpr size_t kMostEventBytes = 64 << 20;
constexpr off_t kLook = 64 << 10;

Error failed(const std::string& what, const std::string& path) {
  return Error(Code::kUnavailable, what + " " + path + ": " + std::strerror(errno));
}

// Where the line that ends before `end` begins; -1: it cannot be read.
off_t line_start(int fd, off_t end) {
  std::string block;
  while (end > 0) {
    off_t from = end > kLook ? end - kLook : 0;
    block.resize(static_cast<size_t>(end - from));
    if (::pread(fd, block.data(), block.size(), from) != static_cast<ssize_t>(block.size()))
      return -1;
    if (size_t at = block.rfind('\n'); at != block.npos) return from + static_cast<off_t>(at) + 1;
    end = from;
  }
  return 0;
}

Revision sequence_of(const std::string& line) {
  boost::system::error_code bad;
  boost::json::value v = boost::json::parse(line, bad);
  const auto* s = !bad && v.is_object() ? v.as_object().if_contains("sequence") : nullptr;
  if (!s || !s->is_string()) return {};
  uint64_t out = 0;
  const auto& digits = s->as_string();
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return Revision(out);
}

// The revision of the last whole line of a file of `size` whole lines.
Revision last_of(int fd, off_t size) {
  if (size == 0) return {};
  off_t from = line_start(fd, size - 1);
  std::string line(static_cast<size_t>(std::max<off_t>(size - 1 - from, 0)), '\0');
  if (from < 0 || ::pread(fd, line.data(), line.size(), from) != static_cast<ssize_t>(line.size()))
    return {};
  return sequence_of(line);
}

}  // namespace

class File::Writer {
 public:
  explicit Writer(FileOptions options) : options_(std::move(options)) {}
  ~Writer() { shut(); }

  const std::string& path() const { return options_.path; }

  // Opens, cuts off half a line, and finds what was written last.
  Status begin(Revision* has) {
    if (Status s = open(); !s) return s;
    *has = last_of(fd_, size_);
    if (*has) return {};
    int before = ::open(numbered(1).c_str(), O_RDONLY | O_CLOEXEC);
    struct stat st {};
    if (before >= 0 && ::fstat(before, &st) == 0) *has = last_of(before, st.st_size);
    if (before >= 0) ::close(before);
    return {};
  }

  Delivery write(const Items& items) {
    Delivery out;
    std::string lines;
    size_t in_lines = 0;
    auto flush = [&] {
      Status s = lines.empty() ? Status() : append(lines);
      if (s) out.taken += std::exchange(in_lines, 0);
      lines.clear();
      return s;
    };
    for (const auto& item : items) {
      uint64_t grown = static_cast<uint64_t>(size_) + lines.size() + item->text.size() + 1;
      if (grown > options_.most_bytes && static_cast<uint64_t>(size_) + lines.size() > 0) {
        if (out.problem = flush(); !out.problem) return out;
        if (out.problem = rotate(); !out.problem) return out;
      }
      lines += item->text;
      lines += '\n';
      ++in_lines;
    }
    out.problem = flush();
    return out;
  }

 private:
  std::string numbered(int n) const { return options_.path + "." + std::to_string(n); }

  Status open() {
    shut();
    fd_ = ::open(options_.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    struct stat st {};
    if (fd_ < 0 || ::fstat(fd_, &st) != 0) return failed("opening", options_.path);
    size_ = st.st_size;
    off_t whole = line_start(fd_, size_);
    if (whole < 0) return failed("reading", options_.path);
    if (whole != size_ && ::ftruncate(fd_, whole) != 0) return failed("mending", options_.path);
    size_ = whole;
    return {};
  }

  void shut() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // Whole or not at all.
  Status append(const std::string& lines) {
    if (fd_ < 0) {
      if (Status s = open(); !s) return s;
    }
    size_t done = 0;
    while (done < lines.size()) {
      ssize_t n = ::write(fd_, lines.data() + done, lines.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) break;
      done += static_cast<size_t>(n);
    }
    if (done == lines.size() && ::fdatasync(fd_) == 0) {
      size_ += static_cast<off_t>(done);
      return {};
    }
    Error error = failed("writing", options_.path);
    if (::ftruncate(fd_, size_) != 0) shut();  // opened and mended anew the next time
    return error;
  }

  Status rotate() {
    shut();
    if (options_.keep == 0 && ::unlink(options_.path.c_str()) != 0)
      return failed("removing", options_.path);
    for (int n = options_.keep; n >= 1; --n) {
      std::string from = n == 1 ? options_.path : numbered(n - 1);
      if (::rename(from.c_str(), numbered(n).c_str()) != 0 && errno != ENOENT)
        return failed("renaming", from);
    }
    size_ = 0;
    return open();
  }

  FileOptions options_;
  int fd_ = -1;
  off_t size_ = 0;
};

File::File(bus::Workers& workers, std::shared_ptr<Writer> writer)
    : workers_(workers), writer_(std::move(writer)) {}
File::~File() = default;

Result<std::unique_ptr<File>> File::open(bus::Workers& workers, FileOptions options) {
  auto writer = std::make_shared<Writer>(std::move(options));
  std::unique_ptr<File> out(new File(workers, writer));
  if (Status s = writer->begin(&out->has_); !s) return s.error();
  return out;
}

void File::deliver(Items items, Done done) {
  auto result = std::make_shared<Delivery>();
  std::weak_ptr<bool> alive = alive_;
  workers_.run(
      "file " + writer_->path(),
      [result, writer = writer_, items = std::move(items)] { *result = writer->write(items); },
      [result, alive, done = std::move(done)] {
        if (!alive.expired()) done(std::move(*result));
      });
}

size_t File::most_items() const {
  return kMostItems;
}
size_t File::most_event_bytes() const {
  return kMostEventBytes;
}
std::string File::target() const {
  return writer_->path();
}

}  // namespace kubus::bridge
