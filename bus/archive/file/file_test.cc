#include "bus/archive/file/file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kubus::archive {
namespace {

namespace fs = std::filesystem;

struct ArchiveFile : ::testing::Test {
  ArchiveFile() {
    directory = fs::temp_directory_path() /
                ("kubus-archive-" +
                 std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(directory);
    fs::create_directories(directory);
    path = directory / "a.kubus";
    header.cluster = "test";
    header.base = Revision(10);
    header.to = Revision(40);
    header.chain[3] = 7;
  }
  ~ArchiveFile() override { fs::remove_all(directory); }

  static std::string record(uint64_t revision) {
    return "record " + std::to_string(revision) + std::string(revision % 23, 'x');
  }
  void append(Buffer* block, uint64_t revision) {
    std::string text = record(revision);
    Entry e{revision, as_bytes(text), Entry::Secret::kNone, {}};
    if (revision % 5 == 0) {
      e.what = Entry::Secret::kBody;
      e.secret = as_bytes("secret");
    }
    append_entry(block, e);
    ++trailer.count;
    trailer.last = Revision(revision);
  }
  // Two last states, then 11 to 40 in blocks of ten.
  void write(uint64_t skip = 0) {
    auto writer = FileWriter::create(path, header);
    ASSERT_TRUE(writer) << writer.error().message;
    Buffer block;
    append(&block, 3);
    append(&block, 9);
    for (uint64_t r = 11; r <= 40; ++r) {
      if (r != skip) append(&block, r);
      if (r % 10 != 0) continue;
      ASSERT_TRUE((*writer)->add(block));
      block.clear();
    }
    ASSERT_TRUE((*writer)->finish(trailer));
  }
  // "" or the error; what was read lands in `seen`.
  std::string read() {
    seen.clear();
    auto reader = FileReader::open(path);
    if (!reader) return reader.error().message;
    while (true) {
      auto block = (*reader)->next();
      if (!block) return block.error().message;
      if (block->empty()) break;
      Entries entries(block->view());
      while (auto e = entries.next()) {
        EXPECT_EQ(as_text(e->record), record(e->revision));
        EXPECT_EQ(as_text(e->secret), e->revision % 5 == 0 ? "secret" : "");
        seen.push_back(e->revision);
      }
    }
    EXPECT_EQ((*reader)->header().cluster, "test");
    EXPECT_EQ((*reader)->header().chain, header.chain);
    EXPECT_EQ((*reader)->trailer().count, seen.size());
    return "";
  }
  std::string bytes() {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void set_bytes(const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }

  fs::path directory;
  std::string path;
  FileHeader header;
  FileTrailer trailer;
  std::vector<uint64_t> seen;
};

TEST_F(ArchiveFile, ComesBackAsItWas) {
  write();
  EXPECT_EQ(read(), "");
  EXPECT_EQ(seen.size(), 32u);
  EXPECT_EQ(seen.front(), 3u);
  EXPECT_EQ(seen.back(), 40u);
}

TEST_F(ArchiveFile, NothingStandsThereBeforeTheEnd) {
  {
    auto writer = FileWriter::create(path, header);
    ASSERT_TRUE(writer);
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_TRUE(fs::is_empty(directory));
}

TEST_F(ArchiveFile, CutAnywhereItIsRefused) {
  write();
  std::string whole = bytes();
  for (size_t n = 0; n < whole.size(); n += 7) {
    set_bytes(whole.substr(0, n));
    std::string error = read();
    EXPECT_FALSE(error.empty()) << n;
    EXPECT_NE(error.find(path), std::string::npos);
  }
  set_bytes(whole + "x");
  EXPECT_NE(read().find("behind the end"), std::string::npos);
}

TEST_F(ArchiveFile, EveryFlippedByteIsFound) {
  write();
  std::string whole = bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 0x40);
    set_bytes(altered);
    EXPECT_FALSE(read().empty()) << at;
  }
}

TEST_F(ArchiveFile, AMissingRevisionIsFound) {
  write(25);
  EXPECT_NE(read().find("revision 26 stands behind revision 24"), std::string::npos);
}

TEST_F(ArchiveFile, WhatIsNoArchiveIsSaidToBeNone) {
  set_bytes("apiVersion: v1\nkind: Pod\n");
  EXPECT_NE(read().find("is no archive"), std::string::npos);
  EXPECT_FALSE(FileReader::open(directory / "none"));
}

}  // namespace
}  // namespace kubus::archive
