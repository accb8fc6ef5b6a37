// Logs as the runtime writes them, and what is shown of them.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "agents/kubelet/stream/log_files.h"
#include "agents/kubelet/stream/log_text.h"

namespace kubus::kubelet {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::string entry(const std::string& text, const char* tag = "F", int second = 0) {
  std::string two = std::to_string(second);
  return "2026-11-23T10:00:" + std::string(two.size() < 2 ? "0" : "") + two +
         ".000000000Z stdout " + tag + " " + text;
}

std::string shown(const LogOptions& options, const std::vector<std::string>& lines) {
  LogFormatter formatter(options);
  std::string out;
  for (const std::string& line : lines) formatter.add(line, &out);
  return out;
}

TEST(LogText, EntriesAreTakenApart) {
  auto e = parse_log_entry(entry("a text  with spaces"));
  ASSERT_TRUE(e);
  EXPECT_EQ(e->text, "a text  with spaces");
  EXPECT_FALSE(e->partial);
  EXPECT_TRUE(parse_log_entry(entry("", "P"))->partial);
  for (const char* bad : {"", "x", "2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z stdlog F x"})
    EXPECT_FALSE(parse_log_entry(bad)) << bad;
}

TEST(LogText, TimesOfAnyZone) {
  EXPECT_EQ(parse_log_time("1970-01-01T00:00:01Z"), kSecond);
  EXPECT_EQ(parse_log_time("1970-01-01T01:00:00.5+01:00"), kSecond / 2);
  EXPECT_EQ(parse_log_time("1969-12-31T23:59:59.000000001Z"), -kSecond + 1);
  for (const char* bad : {"", "1970-13-01T00:00:00Z", "1970-01-01 00:00:00Z", "1970-01-01T00:00:00",
                          "1970-01-01T00:00:00+1", "1970-02-30T00:00:00Z"})
    EXPECT_FALSE(parse_log_time(bad)) << bad;
}

TEST(LogText, PartsOfALineAreJoined) {
  EXPECT_EQ(shown({}, {entry("one", "P"), entry(" line"), entry("two")}), "one line\ntwo\n");
  LogOptions stamped{.timestamps = true};
  EXPECT_EQ(shown(stamped, {entry("one", "P"), entry(" line", "F", 1)}),
            "2026-11-23T10:00:00.000000000Z one line\n");
  EXPECT_EQ(shown({}, {"garbage", entry("good")}), "good\n");
}

TEST(LogText, LimitsAndAges) {
  LogOptions limited{.limit_bytes = 5};
  EXPECT_EQ(shown(limited, {entry("abc"), entry("def"), entry("ghi")}), "abc\nd");
  LogOptions recent{.since_ns = *parse_log_time("2026-11-23T10:00:05Z")};
  EXPECT_EQ(shown(recent, {entry("old", "F", 4), entry("new", "F", 5)}), "new\n");
}

TEST(LogText, TheEndIsCountedInLinesNotEntries) {
  std::string log;
  for (const auto& [text, tag] : std::vector<std::pair<std::string, const char*>>{
           {"1", "F"}, {"2a", "P"}, {"2b", "F"}, {"3", "F"}, {"4", "P"}})
    log += entry(text, tag) + "\n";
  auto tail = [&](int64_t lines) {
    TailCounter counter(lines);
    auto at = counter.feed(log);
    return at ? log.substr(*at) : "all";
  };
  EXPECT_EQ(tail(0), "");
  EXPECT_EQ(tail(1), entry("4", "P") + "\n");
  EXPECT_EQ(tail(2), entry("3") + "\n" + entry("4", "P") + "\n");
  EXPECT_EQ(tail(3).substr(0, 39), entry("2a", "P").substr(0, 39));
  EXPECT_EQ(tail(9), "all");
}

class LogFilesTest : public testing::Test {
 protected:
  LogFilesTest() {
    std::string pattern = testing::TempDir() + "logs-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    path_ = dir_ + "/0.log";
  }
  ~LogFilesTest() override { std::filesystem::remove_all(dir_); }

  void append(const std::string& path, int from, int to) {
    std::ofstream out(path, std::ios::app);
    for (int i = from; i < to; ++i) out << entry(std::to_string(i)) << "\n";
  }
  std::string read_all(LogFiles* files) {
    std::string out;
    while (files->read(1000, &out)) {
    }
    return out;
  }
  static size_t lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  std::string dir_, path_;
};

TEST_F(LogFilesTest, WhatWasRotatedAwayComesFirst) {
  append(path_ + ".20261123-100000", 0, 10);
  append(path_ + ".20261123-110000", 10, 20);
  append(path_, 20, 30);
  append(dir_ + "/1.log", 99, 100);
  auto files = LogFiles::open(path_);
  ASSERT_TRUE(files);
  std::string all = read_all(&*files);
  EXPECT_EQ(lines(all), 30u);
  EXPECT_LT(all.find("F 9\n"), all.find("F 10\n"));
  EXPECT_LT(all.find("F 19\n"), all.find("F 20\n"));
}

TEST_F(LogFilesTest, TheTailReachesAcrossFiles) {
  append(path_ + ".20261123-100000", 0, 5000);
  append(path_, 5000, 5003);
  for (int64_t n : {0, 1, 3, 4, 2000, 5003, 9999}) {
    auto files = LogFiles::open(path_);
    files->seek_tail(n);
    EXPECT_EQ(lines(read_all(&*files)), std::min<size_t>(static_cast<size_t>(n), 5003)) << n;
  }
}

TEST_F(LogFilesTest, RotationIsFollowedWithoutALoss) {
  append(path_, 0, 3);
  auto files = LogFiles::open(path_);
  EXPECT_EQ(lines(read_all(&*files)), 3u);
  EXPECT_FALSE(files->follow_rotation());
  append(path_, 3, 5);
  std::filesystem::rename(path_, path_ + ".20261123-100000");
  append(path_, 5, 6);
  EXPECT_TRUE(files->follow_rotation());
  EXPECT_EQ(lines(read_all(&*files)), 3u);
  EXPECT_FALSE(files->follow_rotation());
}

TEST_F(LogFilesTest, NoneAndEmpty) {
  EXPECT_EQ(LogFiles::open(path_).error().code, Code::kNotFound);
  append(path_, 0, 0);
  auto files = LogFiles::open(path_);
  ASSERT_TRUE(files);
  files->seek_tail(5);
  EXPECT_EQ(read_all(&*files), "");
}

}  // namespace
}  // namespace kubus::kubelet
