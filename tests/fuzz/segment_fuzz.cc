// Recovery of the journal: "COUNT SIZE EDITED\nEDIT": so many batches of such sizes are written,
// then a few bytes of the file are changed at one place. The damage is told, or nothing that was
// acknowledged is missing, but for the last batch, behind which nothing says that it was ever
// whole. Else: the bytes of a segment.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bus/sim/world.h"
#include "services/store/journal/segment.h"
#include "services/store/journal/segment_format.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;
using namespace kubus::store;

constexpr uint64_t kSegmentBytes = 16 << 10;

struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "kubus-fuzz-XXXXXX";
    KUBUS_CHECK(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

std::unique_ptr<Journal> open(const Folder& folder, bus::sim::Host& host) {
  auto journal = open_segments({folder.path, kSegmentBytes, 0}, host.ports().workers);
  KUBUS_CHECK(journal);
  return *std::move(journal);
}

Buffer body_of(uint64_t revision, size_t size) {
  Buffer out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(revision * 31 + i);
  return out;
}

void write(const Folder& folder, size_t count, size_t size) {
  bus::sim::World world(1);
  auto journal = open(folder, world.add_host("store"));
  auto none = [](const JournalEntry&) -> Result<std::vector<ByteView>> {
    return std::vector<ByteView>();
  };
  KUBUS_CHECK(journal->recover(Revision(), {}, none));
  size_t done = 0;
  journal->start(
      {[&](std::span<const Durable> d) { done += d.size(); }, [](Error) {}, [](Role, uint64_t) {}});
  for (uint64_t r = 1; r <= count; ++r) {
    Payload body(body_of(r, size));
    journal->append({Revision(r), Revision(r), static_cast<int64_t>(r), {body}, {body.view()}});
    KUBUS_CHECK(world.run_until([&] { return done == r; }));
  }
}

// The batches that are read back; nullopt: refused.
std::optional<size_t> recover(const Folder& folder, size_t size) {
  bus::sim::World world(1);
  auto journal = open(folder, world.add_host("store"));
  size_t count = 0;
  auto recovered =
      journal->recover(Revision(), {}, [&](const JournalEntry& e) -> Result<std::vector<ByteView>> {
        ++count;
        KUBUS_CHECK(e.first == Revision(count) && e.parts.size() == 1);
        Buffer body = body_of(count, size);
        KUBUS_CHECK(std::ranges::equal(e.parts[0].view(), body));
        return std::vector<ByteView>{e.parts[0].view()};
      });
  if (recovered) return count;
  KUBUS_CHECK(recovered.error().message.find(folder.path) != std::string::npos);
  return std::nullopt;
}

void change(const std::filesystem::path& path, size_t at, std::string_view by) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (char c : by) {
    file.seekg(static_cast<std::streamoff>(at));
    char was = 0;
    file.get(was);
    file.seekp(static_cast<std::streamoff>(at++));
    file.put(static_cast<char>(was ^ c));
  }
}

void check_damage(size_t count, size_t size, size_t at, std::string_view by) {
  Folder folder;
  write(folder, count, size);
  std::vector<std::filesystem::path> files;
  for (const auto& f : std::filesystem::directory_iterator(folder.path))
    if (f.path().extension() == ".seg") files.push_back(f.path());
  std::sort(files.begin(), files.end());
  at %= files.size() * kSegmentBytes;
  size_t within = at % kSegmentBytes;
  change(files[at / kSegmentBytes], within, by.substr(0, kSegmentBytes - within));
  auto found = recover(folder, size);
  KUBUS_CHECK(!found || *found + 1 >= count);
  KUBUS_CHECK(recover(folder, size) == found);
}

void check_bytes(ByteView file) {
  auto header = decode_segment_header(file);
  uint64_t id = header ? header->id : 1;
  for (size_t at = header ? kSegmentHeader : 0; auto frame = read_frame(file, id, at);) {
    KUBUS_CHECK(frame->end > at && frame->end <= file.size());
    at = frame->end;
  }
  find_frame(file, id, 0);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMostEdited = 8;
  check_bytes({data, size});
  fuzz::Input in(data, size);
  fuzz::Input plan(in.line());
  size_t numbers[3] = {};
  for (size_t& n : numbers) n = std::strtoul(std::string(plan.word()).c_str(), nullptr, 10);
  auto [count, each, at] = numbers;
  if (count == 0 || count > 12 || each > 4000) return 0;
  check_damage(count, each, at, in.take(kMostEdited));
  return 0;
}
