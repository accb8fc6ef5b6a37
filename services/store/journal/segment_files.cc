#include "services/store/journal/segment_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>

#include "services/store/files/durable.h"

namespace kubus::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kSparePrefix = "spare-";

bool write_fully(int fd, std::vector<iovec> pieces, uint64_t offset) {
  size_t i = 0;
  while (i < pieces.size()) {
    int count = static_cast<int>(std::min<size_t>(pieces.size() - i, IOV_MAX));
    ssize_t n = pwritev(fd, &pieces[i], count, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    offset += static_cast<uint64_t>(n);
    for (auto left = static_cast<size_t>(n);
         left > 0 || (i < pieces.size() && pieces[i].iov_len == 0);) {
      size_t step = std::min(left, pieces[i].iov_len);
      pieces[i].iov_base = static_cast<char*>(pieces[i].iov_base) + step;
      pieces[i].iov_len -= step;
      left -= step;
      if (pieces[i].iov_len == 0) ++i;
    }
  }
  return true;
}

// What is read here is relied on from now on, and so made durable: a process that was killed may
// have written it and not come to its sync.
Result<std::shared_ptr<Buffer>> read_durably(const std::string& path) {
  auto fail = [&] {
    return Error(Code::kUnavailable, "reading " + path + ": " + std::strerror(errno));
  };
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail();
  struct stat st;
  auto bytes = std::make_shared<Buffer>();
  size_t done = 0;
  bool ok = fdatasync(fd) == 0 && fstat(fd, &st) == 0;
  if (ok) bytes->resize(static_cast<size_t>(st.st_size));
  while (ok && done < bytes->size()) {
    ssize_t n = pread(fd, bytes->data() + done, bytes->size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    ok = n > 0;
    if (ok) done += static_cast<size_t>(n);
  }
  Error error = fail();
  close(fd);
  if (!ok) return error;
  return bytes;
}

std::optional<uint64_t> segment_number(const std::string& name) {
  if (!name.ends_with(kSegmentSuffix)) return std::nullopt;
  std::string digits = name.substr(0, name.size() - kSegmentSuffix.size());
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::strtoull(digits.c_str(), nullptr, 10);
}

iovec piece(const void* data, size_t size) {
  return {const_cast<void*>(data), size};
}

}  // namespace

SegmentFiles::~SegmentFiles() {
  for (int fd : {fd_, directory_, lock_}) {
    if (fd >= 0) close(fd);
  }
}

Error SegmentFiles::failed(const std::string& what, const std::string& path) const {
  return Error(Code::kUnavailable, what + " " + path + ": " + std::strerror(errno));
}

Status SegmentFiles::open() {
  if (Status s = make_durable_directory(options_.directory); !s.ok()) return s;
  directory_ = ::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_ < 0) return failed("opening", options_.directory);
  std::string lock = options_.directory + "/lock";
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) return failed("opening", lock);
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return Error(Code::kUnavailable, "another store runs on " + options_.directory);
  }
  return {};
}

// ---- recovery ----

struct SegmentFiles::Recovery {
  Revision applied, expected;  // `expected`: the next revision that must come
  Chain chain;
  const Journal::Replay* replay;
  std::vector<Durable> durable;
  std::string gap_file;  // where the sequence broke off last
  size_t gap_offset = 0;
};

Status SegmentFiles::find_segments(std::vector<Segment>* segments) {
  std::error_code ec;
  for (const auto& item : fs::directory_iterator(options_.directory, ec)) {
    std::string name = item.path().filename(), path = item.path();
    uint64_t size = item.is_regular_file(ec) ? item.file_size(ec) : 0;
    auto number = segment_number(name);
    if (number) {
      segments->push_back({path, Revision(*number), Revision(), size});
    } else if (name.starts_with(kSparePrefix)) {
      unlink(path.c_str());  // perhaps half made; new ones cost little
    }
  }
  if (ec) return Error(Code::kUnavailable, "reading " + options_.directory + ": " + ec.message());
  std::sort(segments->begin(), segments->end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return {};
}

Result<std::vector<Durable>> SegmentFiles::recover(Revision applied, const Chain& chain,
                                                   const Journal::Replay& replay) {
  std::vector<Segment> segments;
  if (Status s = find_segments(&segments); !s.ok()) return s.error();
  Recovery r{applied, applied.next(), chain, &replay, {}, options_.directory, 0};
  for (size_t i = 0; i < segments.size(); ++i) {
    if (Status s = recover_segment(segments[i], i + 1 == segments.size(), &r); !s.ok())
      return s.error();
  }
  chain_ = r.chain;
  return std::move(r.durable);
}

Status SegmentFiles::recover_segment(const Segment& segment, bool is_last, Recovery* r) {
  auto file = read_durably(segment.path);
  if (!file.ok()) return file.error();
  auto header = decode_segment_header(**file);
  if (!header.ok()) return Error(Code::kInvalid, segment.path + " " + header.error().message);
  next_id_ = std::max(next_id_, header->id + 1);
  Segment found = segment;
  if (header->first !=
      segment.first) {  // it was being made anew when the machine stopped: nothing of worth in it
    free_.push_back(found);
    return {};
  }
  if (header->first > r->expected) {
    return Error(
        Code::kInvalid,
        fmt::format("revision {} is missing: {} is damaged at offset {}, and {} goes on at {}",
                    r->expected.value(), r->gap_file, r->gap_offset, segment.path,
                    header->first.value()));
  }
  size_t offset = kSegmentHeader;
  Revision next = header->first;
  found.last = Revision(next.value() - 1);
  auto frame = read_frame(**file, header->id, offset);
  for (; frame && frame->header.first == next.value();
       frame = read_frame(**file, header->id, offset)) {
    const FrameHeader& h = frame->header;
    found.last = Revision(h.last);
    next = found.last.next();
    if (found.last > r->applied) {
      JournalEntry entry{
          Revision(h.first), found.last, h.time_ns, {Payload(frame->body, *file)}, {}};
      auto records = (*r->replay)(entry);
      if (!records.ok()) {
        return Error(records.error().code, fmt::format("{} at offset {}: {}", segment.path, offset,
                                                       records.error().message));
      }
      for (ByteView record : *records) r->chain = chain_next(r->chain, record);
      r->durable.push_back({found.last, r->chain});
      r->expected = next;
    }
    if (found.last >= r->applied && frame->chain != r->chain) {
      return Error(
          Code::kInvalid,
          fmt::format("{} at offset {}: the chain of hashes is broken: the journal and the "
                      "tables, or two parts of the journal, do not belong together",
                      segment.path, offset));
    }
    offset = frame->end;
  }
  r->gap_file = segment.path;
  r->gap_offset = offset;
  closed_.push_back(found);
  return is_last ? check_tail(segment, **file, header->id, offset) : Status();
}

// Behind the last sound frame there may be rests of a group that was never acknowledged, but
// nothing that was written when these bytes were durable already: then they have been damaged
// since.
Status SegmentFiles::check_tail(const Segment& segment, ByteView file, uint64_t id,
                                size_t offset) const {
  auto later = find_frame(file, id, offset);
  if (!later || later->header.synced <= offset) return {};
  return Error(
      Code::kInvalid,
      fmt::format("{} is damaged at offset {}: sound batches up to revision {} stand behind it",
                  segment.path, offset, later->header.last));
}

// ---- writing ----

Status SegmentFiles::write(std::span<const JournalEntry> group, std::vector<Durable>* durable) {
  static constexpr uint8_t kZeros[8] = {};
  std::deque<FrameHeader> headers;
  std::deque<Chain> chains;
  std::vector<iovec> pieces;
  uint64_t start = offset_;
  for (const JournalEntry& entry : group) {
    size_t body = 0;
    for (const Payload& part : entry.parts) body += part.size();
    if (fd_ < 0 || offset_ + frame_size(body) > current_.size) {
      if (fd_ >= 0 && !write_fully(fd_, std::move(pieces), start))
        return failed("writing", current_.path);
      pieces.clear();
      if (Status s = roll(entry.first, frame_size(body)); !s.ok()) return s;
      start = offset_;
    }
    for (ByteView record : entry.records) chain_ = chain_next(chain_, record);
    chains.push_back(chain_);
    headers.push_back(
        {0, 0, body, entry.first.value(), entry.last.value(), entry.time_ns, synced_});
    seal_frame(id_, entry, chain_, &headers.back());
    pieces.push_back(piece(&headers.back(), sizeof(FrameHeader)));
    for (const Payload& part : entry.parts) pieces.push_back(piece(part.data(), part.size()));
    pieces.push_back(piece(kZeros, padded(body) - body));
    pieces.push_back(piece(chains.back().data(), sizeof(Chain)));
    offset_ += frame_size(body);
    current_.last = entry.last;
    durable->push_back({entry.last, chain_});
  }
  if (stopped_) return Error(Code::kUnavailable, "the journal was closed");
  if (!write_fully(fd_, std::move(pieces), start)) return failed("writing", current_.path);
  return sync_current();
}

Status SegmentFiles::sync_current() {
  if (fdatasync(fd_) != 0) return failed("syncing", current_.path);
  synced_ = offset_;
  return {};
}

Status SegmentFiles::roll(Revision first, size_t needed) {
  if (fd_ >= 0) {
    if (Status s = sync_current(); !s.ok()) return s;
    close(fd_);
    fd_ = -1;
    std::lock_guard lock(mutex_);
    closed_.push_back(current_);
  }
  uint64_t size = std::max<uint64_t>(options_.segment_bytes, kSegmentHeader + needed);
  std::string spare = spare_or_empty(size);
  if (spare.empty()) {
    auto made = make_file(size);
    if (!made.ok()) return made.error();
    spare = *made;
  }
  int fd = ::open(spare.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed("opening", spare);
  fd_ = fd;
  current_ = {
      options_.directory + "/" + fmt::format("{:020}", first.value()) + std::string(kSegmentSuffix),
      first, Revision(first.value() - 1), size};
  if (Status s = put_header(fd, spare, first); !s.ok()) return s;
  offset_ = synced_ = kSegmentHeader;
  return {};
}

// The header is durable before the file gets its name, and the name before the first frame is
// acknowledged.
Status SegmentFiles::put_header(int fd, const std::string& path, Revision first) {
  {
    std::lock_guard lock(mutex_);
    id_ = next_id_++;
  }
  Buffer header = encode_segment_header({id_, first});
  if (!write_fully(fd, {piece(header.data(), header.size())}, 0) || fdatasync(fd) != 0) {
    return failed("writing", path);
  }
  if (rename(path.c_str(), current_.path.c_str()) != 0 || fsync(directory_) != 0) {
    return failed("naming", current_.path);
  }
  return {};
}

// ---- files ----

std::string SegmentFiles::spare_or_empty(uint64_t size) {
  std::lock_guard lock(mutex_);
  auto fits =
      std::find_if(free_.begin(), free_.end(), [&](const Segment& s) { return s.size == size; });
  if (fits == free_.end()) return "";
  std::string path = fits->path;
  free_.erase(fits);
  return path;
}

Result<std::string> SegmentFiles::make_file(uint64_t size) {
  std::string path = options_.directory + "/" + std::string(kSparePrefix);
  {
    std::lock_guard lock(mutex_);
    path += std::to_string(next_spare_++);
  }
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed("making", path);
  Buffer zeros(std::min<uint64_t>(size, 1 << 20));
  bool ok = true;
  for (uint64_t at = 0; ok && at < size; at += zeros.size()) {
    ok = write_fully(fd, {piece(zeros.data(), std::min<uint64_t>(zeros.size(), size - at))}, at);
  }
  ok = ok && fsync(fd) == 0;
  Error error = failed("writing", path);
  close(fd);
  if (ok) return path;
  unlink(path.c_str());
  return error;
}

void SegmentFiles::close_segment(Revision scrub) {
  std::lock_guard lock(mutex_);
  scrub_to_ = std::max(scrub_to_, scrub);
  scrub_free_ = true;
  if (fd_ < 0) return;
  close(fd_);
  fd_ = -1;
  closed_.push_back(current_);
}

// All but the header, which says that the file holds nothing.
bool SegmentFiles::zero(const Segment& segment) {
  int fd = ::open(segment.path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  Buffer zeros(1 << 20);
  bool ok = true;
  for (uint64_t at = kSegmentHeader; ok && at < segment.size; at += zeros.size()) {
    ok = write_fully(fd, {piece(zeros.data(), std::min<uint64_t>(zeros.size(), segment.size - at))},
                     at);
  }
  ok = ok && fdatasync(fd) == 0;
  close(fd);
  return ok;
}

void SegmentFiles::prepare() {
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || !free_.empty()) return;
  }
  auto made = make_file(options_.segment_bytes);
  if (!made.ok()) return;  // write() will try again, and tell
  std::lock_guard lock(mutex_);
  free_.push_back({*made, Revision(), Revision(), options_.segment_bytes});
}

void SegmentFiles::release(Revision applied) {
  std::vector<Segment> superfluous, dirty;
  Revision scrubbed;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    scrubbed = scrub_to_;
    if (std::exchange(scrub_free_, false)) dirty = std::exchange(free_, {});
    while (!closed_.empty() && closed_.front().last <= applied) {
      Segment segment = std::move(closed_.front());
      closed_.pop_front();
      bool keep =
          free_.size() + dirty.size() < options_.spares && segment.size == options_.segment_bytes;
      if (keep && segment.first > scrub_to_) {
        free_.push_back(std::move(segment));
      } else {
        (keep ? dirty : superfluous).push_back(std::move(segment));
      }
    }
  }
  for (const Segment& segment : superfluous) {
    if (segment.first <= scrubbed) zero(segment);
    unlink(segment.path.c_str());
  }
  for (Segment& segment : dirty) {
    if (!zero(segment)) {
      unlink(segment.path.c_str());
      continue;
    }
    std::lock_guard lock(mutex_);
    free_.push_back(std::move(segment));
  }
}

}  // namespace kubus::store
