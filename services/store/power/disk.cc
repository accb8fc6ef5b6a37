#include "services/store/power/disk.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "schemas/lib/base/check.h"

namespace kubus::store::power {
namespace {

namespace fs = std::filesystem;

std::string folder_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

void put(ByteView bytes, uint64_t offset, Buffer* content) {
  if (content->size() < offset + bytes.size()) content->resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), content->begin() + static_cast<ptrdiff_t>(offset));
}

size_t number(const char* name, size_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

size_t cuts_to_try(size_t otherwise) {
  return number("KUBUS_POWER_CUTS", otherwise);
}
size_t outcomes_to_try(size_t otherwise) {
  return number("KUBUS_POWER_OUTCOMES", otherwise);
}
uint64_t first_seed() {
  return number("KUBUS_POWER_SEED", 1);
}

// ---- recording ----

bool Disk::is_below(const char* path, std::string* relative) const {
  std::string_view text(path);
  if (text == root_) return relative->clear(), true;
  if (text.substr(0, root_.size()) != root_ || text[root_.size()] != '/') return false;
  *relative = text.substr(root_.size() + 1);
  return true;
}

void Disk::opened(int fd, const char* path, int flags) {
  std::string name;
  if (!is_below(path, &name)) return;
  if ((flags & O_DIRECTORY) != 0 || name.empty()) {
    descriptors_[fd] = {-1, name, false, true};
    return;
  }
  auto [at, fresh] = names_.emplace(name, next_file_);
  if (fresh) {
    events_.push_back({Event::Kind::kName, next_file_++, 0, {}, false, name, ""});
  } else if ((flags & O_TRUNC) != 0) {
    events_.push_back({Event::Kind::kTruncate, at->second, 0, {}, false, "", ""});
  }
  descriptors_[fd] = {at->second, name, (flags & O_DSYNC) != 0, false};
}

void Disk::die_after(size_t calls, uint64_t random) {
  left_ = calls;
  random_ = random;
}

int Disk::permit() {
  if (left_ == SIZE_MAX) return 1;
  if (left_ == 0) return 0;
  return --left_ == 0 ? 2 : 1;
}

// ---- what is left ----

void Moment::advance_to(size_t n) {
  for (; at_ < n; ++at_) apply(events_[at_], at_);
}

void Moment::apply(const Event& e, size_t index) {
  File& file = files_[e.file];
  switch (e.kind) {
    case Event::Kind::kWrite:
      file.size = std::max(file.size, e.offset + e.bytes.size());
      if (!e.durable) return file.pending.push_back(index);
      return put(e.bytes, e.offset, &file.base);
    case Event::Kind::kTruncate:
      file = {};
      return;
    case Event::Kind::kSync:
      for (size_t i : std::exchange(file.pending, {})) {
        put(events_[i].bytes, events_[i].offset, &file.base);
      }
      return;
    case Event::Kind::kName:
    case Event::Kind::kUnname:
      return folders_[folder_of(e.path)].pending.push_back(index);
    case Event::Kind::kSyncFolder:
      Names& names = folders_[e.path];
      for (size_t i : std::exchange(names.pending, {})) apply_name(events_[i], &names.durable);
  }
}

void Moment::apply_name(const Event& e, std::map<std::string, int>* names) const {
  if (e.kind == Event::Kind::kUnname) return (void)names->erase(e.path);
  if (!e.from.empty()) names->erase(e.from);
  (*names)[e.path] = e.file;
}

Moment::Sectors Moment::sectors_of(const File& file) const {
  Sectors out;
  for (size_t i : file.pending) {
    const Event& e = events_[i];
    uint64_t end = e.offset + e.bytes.size();
    for (uint64_t s = e.offset / sector_; s * sector_ < end; ++s) out[s].push_back(i);
  }
  return out;
}

size_t Moment::outcomes(size_t limit) const {
  size_t n = 1;
  auto times = [&](size_t ways) { n = std::min(n * ways, limit); };
  for (const auto& [path, names] : folders_) times(names.pending.size() + 1);
  for (const auto& [id, file] : files_) {
    for (const auto& [sector, writes] : sectors_of(file)) times(writes.size() + 1);
    if (file.size > file.base.size()) times(2);
  }
  return n;
}

Buffer Moment::content(const File& file, const Choose& choose) const {
  Buffer out = file.base;
  for (const auto& [sector, writes] : sectors_of(file)) {
    uint64_t begin = sector * sector_;
    for (size_t left = choose(writes.size()), i = 0; i < left; ++i) {
      const Event& e = events_[writes[i]];
      uint64_t from = std::max(begin, e.offset);
      uint64_t to = std::min(begin + sector_, e.offset + e.bytes.size());
      put(ByteView(e.bytes).subspan(from - e.offset, to - from), from, &out);
    }
  }
  if (file.size > file.base.size() && choose(1) == 1) out.resize(file.size);
  return out;
}

void Moment::lay(const Choose& choose, const std::string& to) const {
  for (const auto& [folder, names] : folders_) {
    auto left = names.durable;
    size_t n = names.pending.empty() ? 0 : choose(names.pending.size());
    for (size_t i = 0; i < n; ++i) apply_name(events_[names.pending[i]], &left);
    if (!fs::is_directory(to + "/" + folder)) continue;  // its own name was lost
    for (const auto& [path, file] : left) {
      if (file < 0) {
        fs::create_directory(to + "/" + path);
        continue;
      }
      Buffer bytes = content(files_.at(file), choose);
      std::ofstream(to + "/" + path, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    }
  }
}

// ---- choosing ----

namespace {

// Goes through all outcomes, as a counter goes through its numbers.
class Odometer {
 public:
  size_t choose(size_t most) {
    if (at_ == digits_.size()) digits_.push_back({0, most});
    KUBUS_CHECK(digits_[at_].most == most);
    return digits_[at_++].value;
  }
  bool next() {
    at_ = 0;
    while (!digits_.empty() && digits_.back().value == digits_.back().most) digits_.pop_back();
    if (digits_.empty()) return false;
    ++digits_.back().value;
    return true;
  }

 private:
  struct Digit {
    size_t value, most;
  };
  std::vector<Digit> digits_;
  size_t at_ = 0;
};

}  // namespace

void for_outcomes(const Moment& moment, size_t most, const std::function<uint64_t()>& random,
                  const std::function<void(const Choose&)>& tried) {
  if (moment.outcomes(most + 1) <= most) {
    Odometer odometer;
    do {
      tried([&](size_t n) { return odometer.choose(n); });
    } while (odometer.next());
    return;
  }
  for (size_t i = 0; i < most; ++i) {
    // Of a tenth of the sectors, half of them, or nine in ten, something new is there.
    uint64_t tenths = i == 0 ? 10 : i == 1 ? 0 : (random() % 3) * 4 + 1;
    tried([&](size_t n) -> size_t {
      if (random() % 10 >= tenths) return 0;
      return tenths == 10 ? n : 1 + random() % n;
    });
  }
}

}  // namespace kubus::store::power
