#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "bus/archive/file/block.h"
#include "bus/archive/file/crc32c.h"

namespace kubus::archive {
namespace {

constexpr int kLevel = 1;

class Writer final : public FileWriter {
 public:
  explicit Writer(std::string path) : path_(std::move(path)), temporary_(path_ + ".partial") {}
  ~Writer() override {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }

  Status begin(const FileHeader& h) {
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) return failed();
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      ::close(std::exchange(fd_, -1));
      return Error(Code::kConflict, "another process is writing " + path_);
    }
    if (::ftruncate(fd_, 0) != 0) return failed();
    if (Status s = put({reinterpret_cast<const uint8_t*>(kMagic), sizeof(kMagic)}); !s) return s;
    Buffer body;
    append_raw(&body, kFileFormat);
    append_raw(&body, (h.with_secrets ? kWithSecrets : 0) | (h.redacted ? kRedacted : 0));
    for (Revision r : {h.base, h.to, h.from}) append_raw(&body, r.value());
    append_raw(&body, h.time_ns);
    append_raw(&body, h.chain);
    append_raw(&body, static_cast<uint16_t>(h.cluster.size()));
    ByteView name = as_bytes(h.cluster);
    body.insert(body.end(), name.begin(), name.end());
    return block(BlockType::kHeader, body);
  }

  Status add(ByteView entries) override {
    return entries.empty() ? Status() : block(BlockType::kEntries, entries);
  }

  Status finish(const FileTrailer& trailer) override {
    Buffer body;
    append_raw(&body, trailer.count);
    append_raw(&body, trailer.last.value());
    append_raw(&body, trailer.chain);
    append_raw(&body, digest_.so_far());
    if (Status s = block(BlockType::kTrailer, body); !s) return s;
    bool durable = ::fsync(fd_) == 0 && ::rename(temporary_.c_str(), path_.c_str()) == 0;
    if (!durable) return failed();
    ::close(fd_);
    fd_ = -1;
    return sync_name();
  }

 private:
  Error failed() const {
    return Error(Code::kUnavailable, "cannot write " + path_ + ": " + std::strerror(errno));
  }

  Status sync_name() const {
    std::string directory = std::filesystem::absolute(path_).parent_path();
    int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool durable = fd >= 0 && ::fsync(fd) == 0;
    Error error = failed();
    if (fd >= 0) ::close(fd);
    return durable ? Status() : error;
  }

  Status block(BlockType type, ByteView body) {
    BlockHeader header;
    header.type = static_cast<uint8_t>(type);
    header.size = static_cast<uint32_t>(body.size());
    Buffer packed;
    if (type == BlockType::kEntries) {
      packed.resize(ZSTD_compressBound(body.size()));
      size_t n = ZSTD_compress(packed.data(), packed.size(), body.data(), body.size(), kLevel);
      if (ZSTD_isError(n) == 0 && n < body.size()) {
        body = ByteView(packed).first(n);
        header.flags = kCompressed;
      }
    }
    header.stored = static_cast<uint32_t>(body.size());
    ByteView fields(reinterpret_cast<const uint8_t*>(&header), sizeof(header));
    header.crc = crc32c(crc32c(0, fields.first(kCrcAt)), body);
    if (Status s = put(fields); !s) return s;
    return put(body);
  }

  Status put(ByteView bytes) {
    digest_.add(bytes);
    while (!bytes.empty()) {
      ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed();
      bytes = bytes.subspan(static_cast<size_t>(n));
    }
    return {};
  }

  std::string path_, temporary_;
  int fd_ = -1;
  Sha256 digest_;
};

}  // namespace

Result<std::unique_ptr<FileWriter>> FileWriter::create(const std::string& path,
                                                       const FileHeader& header) {
  auto writer = std::make_unique<Writer>(path);
  if (Status s = writer->begin(header); !s) return s.error();
  return std::unique_ptr<FileWriter>(std::move(writer));
}

}  // namespace kubus::archive
