#include "agents/kubelet/offline/last_known.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kSoon{100};
constexpr std::string_view kMagic = "kubus1\n";
constexpr size_t kHeader = kMagic.size() + sizeof(uint64_t);
constexpr uintmax_t kLargest = 16 << 20;

// FNV-1a: it finds torn files, and guards against nobody.
uint64_t checksum(std::string_view bytes) {
  uint64_t out = 14695981039346656037ULL;
  for (char c : bytes) out = (out ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return out;
}

std::string framed(ByteView bytes) {
  std::string body(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  uint64_t sum = checksum(body);
  std::string out(kMagic);
  out.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
  return out + body;
}

Status write_all(int file, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(file, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error(Code::kInternal, std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status replace(const std::string& path, const std::string& text) {
  std::error_code code;
  fs::create_directories(fs::path(path).parent_path(), code);
  std::string fresh = path + "~";
  int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Error(Code::kInternal, path + ": " + std::strerror(errno));
  Status written = write_all(file, text);
  ::close(file);
  if (written && ::rename(fresh.c_str(), path.c_str()) != 0)
    written = Error(Code::kInternal, std::strerror(errno));
  if (!written) return Error(Code::kInternal, path + ": " + written.error().message);
  return {};
}

Object read(const schema::KindInfo& kind, const fs::path& path) {
  std::error_code code;
  uintmax_t size = fs::file_size(path, code);
  if (code || size < kHeader || size > kLargest) return {};
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.size() < kHeader || text.compare(0, kMagic.size(), kMagic) != 0) return {};
  uint64_t sum = 0;
  std::memcpy(&sum, text.data() + kMagic.size(), sizeof(sum));
  std::string body = text.substr(kHeader);
  if (checksum(body) != sum) return {};
  auto found = Object::from(kind, Payload(Buffer(body.begin(), body.end())));
  return found ? *found : Object();
}

}  // namespace

LastKnown::~LastKnown() {
  flush();
}

std::string LastKnown::path_of(const ObjectKey& key) const {
  return dir_ + "/" + std::string(key.kind->resource) + "/" + key.ns + "/" + key.name;
}

void LastKnown::keep(const Object& object) {
  if (dir_.empty()) return;
  pending_[object.key()] = object;
  write_soon();
}

void LastKnown::drop(const ObjectKey& key) {
  if (dir_.empty()) return;
  pending_[key] = Object();
  write_soon();
}

void LastKnown::write_soon() {
  if (!timer_) timer_ = ports_.clock.after(kSoon, [this] { flush(); });
}

void LastKnown::flush() {
  if (dir_.empty()) return;
  timer_.reset();
  std::error_code code;
  fs::create_directories(dir_, code);
  fs::permissions(dir_, fs::perms::owner_all, code);
  Status trouble;
  for (const auto& [key, object] : pending_) {
    if (!object) fs::remove(path_of(key), code);
    if (!object) continue;
    if (Status s = replace(path_of(key), framed(object.bytes())); !s) trouble = s;
  }
  pending_.clear();
  if (!trouble && !complained_)
    ports_.log.error("cannot remember what is known: " + trouble.error().message);
  complained_ = !trouble;
}

Object LastKnown::find(const ObjectKey& key) const {
  if (dir_.empty()) return {};
  auto pending = pending_.find(key);
  return pending != pending_.end() ? pending->second : read(*key.kind, path_of(key));
}

std::vector<Object> LastKnown::all(const schema::KindInfo& kind) const {
  std::vector<Object> out;
  if (dir_.empty()) return out;
  std::error_code code;
  fs::recursive_directory_iterator at(dir_ + "/" + std::string(kind.resource), code), end;
  std::vector<fs::path> files;
  for (; !code && at != end; at.increment(code)) {
    if (at->is_regular_file(code)) files.push_back(at->path());
  }
  std::sort(files.begin(), files.end());  // directories have no order
  for (const fs::path& file : files) {
    if (Object found = read(kind, file)) out.push_back(std::move(found));
  }
  return out;
}

void LastKnown::keep_only(const schema::KindInfo& kind, const std::set<ObjectKey>& keys) {
  for (const Object& known : all(kind)) {
    if (!keys.count(known.key())) drop(known.key());
  }
}

}  // namespace kubus::kubelet
