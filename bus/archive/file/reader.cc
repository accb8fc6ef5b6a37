#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>

#include "bus/archive/file/block.h"
#include "bus/archive/file/crc32c.h"

namespace kubus::archive {
namespace {

class Reader final : public FileReader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}
  ~Reader() override {
    if (fd_ >= 0) ::close(fd_);
  }

  Status begin() {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0)
      return Error(Code::kUnavailable, "cannot read " + path_ + ": " + std::strerror(errno));
    Buffer magic(sizeof(kMagic));
    Status read = get(magic.data(), magic.size());
    if (!read || std::memcmp(magic.data(), kMagic, sizeof(kMagic)) != 0)
      return Error(Code::kInvalid, path_ + " is no archive");
    digest_.add(magic);
    auto block = read_block();
    if (!block) return block.error();
    if (type_ != BlockType::kHeader) return bad("the header is missing");
    return take_header(block->view());
  }

  const FileHeader& header() const override { return header_; }
  const FileTrailer& trailer() const override { return trailer_; }

  Result<Payload> next() override {
    if (over_) return Payload();
    auto block = read_block();
    if (!block) return block;
    Status taken;
    if (type_ == BlockType::kEntries) {
      taken = check_entries(block->view());
    } else if (type_ == BlockType::kTrailer) {
      taken = take_trailer(block->view());
      block = Payload();
    } else {
      taken = bad("a block of a kind that is not known");
    }
    return taken ? block : Result<Payload>(taken.error());
  }

 private:
  Error bad(const std::string& what) const {
    return Error(Code::kInvalid, path_ + ": offset " + std::to_string(block_at_) + ": " + what);
  }

  // Cut short is an error here.
  Status get(uint8_t* to, size_t size) {
    for (size_t have = 0; have < size;) {
      ssize_t n = ::read(fd_, to + have, size - have);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0)
        return Error(Code::kUnavailable, "cannot read " + path_ + ": " + std::strerror(errno));
      if (n == 0) return bad("the file is cut short");
      have += static_cast<size_t>(n);
      offset_ += static_cast<uint64_t>(n);
    }
    return {};
  }

  Result<Payload> read_block() {
    block_at_ = offset_;
    BlockHeader header;
    auto* fields = reinterpret_cast<uint8_t*>(&header);
    if (Status s = get(fields, sizeof(header)); !s) return s.error();
    if (header.stored > kMostBlock || header.size > kMostBlock || header.flags > kCompressed)
      return bad("no sound block");
    Buffer stored(header.stored);
    if (Status s = get(stored.data(), stored.size()); !s) return s.error();
    if (crc32c(crc32c(0, {fields, kCrcAt}), stored) != header.crc)
      return bad("the block is damaged: its checksum does not fit");
    type_ = static_cast<BlockType>(header.type);
    before_ = type_ == BlockType::kTrailer ? digest_.so_far() : Hash();
    digest_.add({fields, sizeof(header)});
    digest_.add(stored);
    if ((header.flags & kCompressed) == 0) return Payload(std::move(stored));
    Buffer whole(header.size);
    size_t n = ZSTD_decompress(whole.data(), whole.size(), stored.data(), stored.size());
    if (ZSTD_isError(n) != 0 || n != whole.size()) return bad("the block cannot be unpacked");
    return Payload(std::move(whole));
  }

  Status take_header(ByteView body) {
    uint32_t format = 0, flags = 0;
    uint64_t base = 0, to = 0, from = 0;
    uint16_t size = 0;
    if (!take_raw(&body, &format)) return bad("the header is too short");
    if (format == 0 || format > kFileFormat)
      return bad("the archive has format " + std::to_string(format) +
                 "; this program knows up to " + std::to_string(kFileFormat));
    bool whole = take_raw(&body, &flags) && take_raw(&body, &base) && take_raw(&body, &to) &&
                 take_raw(&body, &from) && take_raw(&body, &header_.time_ns) &&
                 take_raw(&body, &header_.chain) && take_raw(&body, &size) && body.size() == size;
    if (!whole || base > to) return bad("the header is malformed");
    header_.cluster = as_text(body);
    header_.base = Revision(base);
    header_.to = Revision(to);
    header_.from = Revision(from);
    header_.with_secrets = (flags & kWithSecrets) != 0;
    header_.redacted = (flags & kRedacted) != 0;
    return {};
  }

  Status check_entries(ByteView block) {
    Entries entries(block);
    while (auto entry = entries.next()) {
      uint64_t r = entry->revision, base = header_.base.value();
      bool sound = r <= base ? r > last_ : r == std::max(last_, base) + 1;
      if (!sound) {
        return bad("revision " + std::to_string(entry->revision) + " stands behind revision " +
                   std::to_string(last_));
      }
      last_ = entry->revision;
      ++count_;
    }
    return entries.bad() ? Status(bad("a malformed entry")) : Status();
  }

  Status take_trailer(ByteView body) {
    uint64_t last = 0;
    Hash digest{};
    bool whole = take_raw(&body, &trailer_.count) && take_raw(&body, &last) &&
                 take_raw(&body, &trailer_.chain) && take_raw(&body, &digest) && body.empty();
    if (!whole) return bad("the trailer is malformed");
    trailer_.last = Revision(last);
    if (digest != before_) return bad("the file was altered: its digest does not fit");
    if (trailer_.count != count_ || last != std::max(last_, header_.base.value()))
      return bad("the trailer speaks of other entries");
    uint8_t more = 0;
    if (::read(fd_, &more, 1) != 0) return bad("something stands behind the end");
    over_ = true;
    return {};
  }

  std::string path_;
  int fd_ = -1;
  uint64_t offset_ = 0, block_at_ = 0;
  BlockType type_ = BlockType::kHeader;
  FileHeader header_;
  FileTrailer trailer_;
  Sha256 digest_;
  Hash before_{};  // the digest of what stands before the trailer
  uint64_t last_ = 0, count_ = 0;
  bool over_ = false;
};

}  // namespace

Result<std::unique_ptr<FileReader>> FileReader::open(const std::string& path) {
  auto reader = std::make_unique<Reader>(path);
  if (Status s = reader->begin(); !s) return s.error();
  return std::unique_ptr<FileReader>(std::move(reader));
}

}  // namespace kubus::archive
