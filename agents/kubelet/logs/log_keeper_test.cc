#include "agents/kubelet/logs/log_keeper.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "agents/kubelet/fake/fake_runtime.h"
#include "bus/sim/world.h"

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class LogKeeperTest : public testing::Test {
 protected:
  LogKeeperTest() {
    std::string pattern = testing::TempDir() + "logs-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    runtime_.add_container("c1");
    keeper_.start();
  }
  ~LogKeeperTest() override { fs::remove_all(dir_); }

  std::string log() const { return dir_ + "/0.log"; }
  void write(size_t bytes) const { std::ofstream(log(), std::ios::app) << std::string(bytes, 'x'); }

  bus::sim::World world_{1};
  bus::sim::Host& host_ = world_.add_host("kubelet");
  FakeRuntime runtime_{host_.ports().clock};
  std::string dir_;
  LogKeeper keeper_{host_.ports(),
                    runtime_,
                    [this] {
                      return std::vector<LogKeeper::Log>{{"c1", log()}};
                    },
                    {.file_bytes = 100, .files = 3}};
};

TEST_F(LogKeeperTest, ASmallLogIsLeftAlone) {
  write(99);
  world_.run_for(seconds(60));
  EXPECT_EQ(log_files_of(log()), std::vector<std::string>{log()});
}

TEST_F(LogKeeperTest, ALargeLogIsRotatedAndTheOldestGoes) {
  for (int i = 0; i < 6; ++i) {
    write(100 + static_cast<size_t>(i));
    world_.run_for(seconds(11));
    EXPECT_FALSE(fs::exists(log())) << "the runtime makes it anew";
  }
  write(1);
  auto files = log_files_of(log());
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(fs::file_size(files[0]), 104u);
  EXPECT_EQ(fs::file_size(files[1]), 105u);
  EXPECT_EQ(files[2], log());
}

TEST_F(LogKeeperTest, WithoutTheRuntimeTheNameComesBack) {
  runtime_.fail_next("reopen log", Error(Code::kUnavailable, "away"));
  write(100);
  world_.run_for(seconds(11));
  EXPECT_EQ(log_files_of(log()), std::vector<std::string>{log()});
  EXPECT_EQ(fs::file_size(log()), 100u);
}

TEST_F(LogKeeperTest, ALogIsRemovedWithAllItsFiles) {
  write(100);
  world_.run_for(seconds(11));
  write(1);
  std::ofstream(dir_ + "/1.log") << "another's";
  remove_log(log());
  EXPECT_TRUE(log_files_of(log()).empty());
  EXPECT_TRUE(fs::exists(dir_ + "/1.log"));
}

TEST_F(LogKeeperTest, TheTailIsTextWithoutTimes) {
  EXPECT_EQ(log_tail(log(), 10, 100), "");
  std::ofstream(log()) << "2026-11-23T10:40:28.000000001Z stdout F one\n"
                          "2026-11-23T10:40:28.000000002Z stderr P two and \n"
                          "2026-11-23T10:40:28.000000003Z stderr F a half\n"
                          "nonsense\n"
                          "2026-11-23T10:40:28.000000004Z stderr F \n"
                          "2026-11-23T10:40:28.000000004Z stderr F three\n";
  EXPECT_EQ(log_tail(log(), 80, 2048), "one\ntwo and a half\n\nthree\n");
  EXPECT_EQ(log_tail(log(), 1, 2048), "three\n");
  EXPECT_EQ(log_tail(log(), 80, 4), "ree\n");
}

}  // namespace
}  // namespace kubus::kubelet
